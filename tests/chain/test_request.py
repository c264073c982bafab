from __future__ import annotations

import pytest

from kapagate.chain import problems
from kapagate.chain.headers import Headers
from kapagate.chain.problem import Problem
from kapagate.chain.request import Kept, Request


async def test_a_kept_body_gives_its_bytes_as_often_as_it_is_asked() -> None:
    body = Kept(b"abc")
    assert body.length == 3
    assert body.at_hand() == b"abc"
    assert await body.read(100) == await body.read(100) == b"abc"
    assert [piece async for piece in body.stream()] == [b"abc"]


async def test_a_kept_body_that_failed_fails_again() -> None:
    body = Kept(failure=Problem(problems.BODY_TOO_LARGE, "too large"))
    assert body.length is None
    assert body.at_hand() is None
    for _ in range(2):
        with pytest.raises(Problem, match="too-large"):
            await body.read(100)
    with pytest.raises(Problem, match="too-large"):
        await anext(body.stream())


def test_a_request_comes_from_nowhere_and_in_the_clear_unless_it_says_so() -> None:
    request = Request("GET", "/", "", Headers(), Kept())
    assert (request.client, request.secure) == ("", False)
