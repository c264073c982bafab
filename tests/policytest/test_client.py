from __future__ import annotations

import pytest

from kapagate.chain.problem import Problem
from kapagate.chain.sink import Head
from kapagate.policytest.client import Posted, Received


async def test_a_body_is_read_streamed_and_bounded() -> None:
    body = Posted(b"hello")
    assert (body.length, body.at_hand(), await body.read(5)) == (5, b"hello", b"hello")
    assert [piece async for piece in body.stream()] == [b"hello"]
    with pytest.raises(Problem, match="longer than 4 bytes"):
        await body.read(4)


async def test_what_comes_is_kept_and_a_cut_is_no_end() -> None:
    got = Received()
    await got.open(Head(200, [(b"X-A", b"b")]), b"he", False)
    await got.write(b"llo", True)
    assert (got.status, got.headers.text(b"x-a"), got.body, got.whole) == (200, "b", b"hello", True)
    got.cut()
    assert not got.whole
