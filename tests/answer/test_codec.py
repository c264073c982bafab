from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.answer.codec import Codec
from kapagate.answer.events import Text
from kapagate.answer.fields import FieldsCodec
from kapagate.kapa.chat_json import ChatJsonCodec
from kapagate.kapa.passages import PassagesCodec
from kapagate.kapa.records import RecordsCodec

CODECS: list[Callable[[], Codec]] = [
    RecordsCodec,
    ChatJsonCodec,
    PassagesCodec,
    lambda: FieldsCodec({("a",): "answer"}),
]


@pytest.mark.parametrize("make", CODECS)
def test_every_codec_keeps_the_promises_of_an_answer_under_way(make: Callable[[], Codec]) -> None:
    codec = make()
    assert list(codec.decode(b"")) == []
    assert codec.encode([]) == b""
    assert codec.dropped == 0
    assert bool(codec.encode([Text("a")])) is not codec.whole
    assert (codec.failure("why") is None) is codec.whole
