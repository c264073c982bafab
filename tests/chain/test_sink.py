from __future__ import annotations

import inspect

import pytest

from kapagate.chain.problem import Gone
from kapagate.chain.sink import Head, Sink


@pytest.mark.parametrize("method", ["open", "write", "cut"])
def test_a_sink_of_tests_keeps_to_the_port(lab, method: str) -> None:
    expected, given = (inspect.signature(getattr(each, method)) for each in (Sink, lab.Sink))
    assert given == expected


async def test_a_sink_raises_gone_when_the_client_left(lab) -> None:
    sink = lab.Sink(patience=1)
    await sink.open(Head(200, []), b"a", last=False)
    with pytest.raises(Gone):
        await sink.write(b"b", last=False)
    assert sink.body == b"a"


def test_a_head_without_a_length_leaves_the_framing_to_the_sink() -> None:
    assert Head(200, []).length is None
