from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.events import Other
from kapagate.kapa.errors import BYTES, ErrorCodec

KEY = "-".join(["not", "a", 'real"key'])
NEUTRAL = {"detail": "Kapa answered with an error (status 400)."}


def told(*pieces: bytes) -> Any:
    codec = ErrorCodec(400, KEY)
    events = [event for piece in pieces for event in codec.decode(piece)]
    events += codec.end()
    assert codec.encode(events) == b""
    return orjson.loads(codec.finish(()))


@pytest.mark.parametrize(
    "body",
    [
        {"detail": "Not found."},
        {"top_k": ["Ensure this value is less than or equal to 15."]},
        {"detail": {"nested": ["x", 1, None]}},
    ],
)
def test_kapas_own_words_pass(body: Any) -> None:
    assert told(orjson.dumps(body)) == body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>502 Bad Gateway</h1></html>",
        b'{"detail": "cut of',
        b'["a list"]',
        b'"a text"',
        b"\xff\xfe",
        b'{"detail": "' + b"x" * BYTES + b'"}',
        b'{"a":' * 200 + b"1" + b"}" * 200,
    ],
)
def test_what_is_no_json_object_or_too_much_is_told_neutrally(body: bytes) -> None:
    assert told(body) == NEUTRAL


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


@pytest.mark.parametrize(
    "body",
    [
        orjson.dumps({"detail": f"key {KEY} is over its quota"}),
        orjson.dumps({"detail": {"request": [f"X-API-KEY: {KEY}"]}}),
        orjson.dumps({KEY: ["unknown"]}),
        f'{{"detail": "{escaped(KEY)}"}}'.encode(),
        f"<html>{KEY}</html>".encode(),
    ],
)
def test_an_error_that_names_our_key_is_told_neutrally(body: bytes) -> None:
    assert told(body) == NEUTRAL


@given(st.lists(st.integers(0, 40), max_size=4))
def test_the_verdict_does_not_depend_on_where_the_bytes_are_cut(cuts: list[int]) -> None:
    body = orjson.dumps({"detail": KEY, "more": "x"})
    edges = [0, *sorted(cuts), len(body)]
    assert told(*(body[start:end] for start, end in pairwise(edges))) == NEUTRAL


def test_texts_of_an_error_are_there_for_the_guards() -> None:
    codec = ErrorCodec(400, KEY)
    list(codec.decode(b'{"query": ["mail me at a@b.example"]}'))
    (event,) = codec.end()
    assert isinstance(event, Other)
    assert [place.path for place in event.places] == [("query", 0)]
    assert {place.kind for place in event.places} == {"other"}


def test_memory_is_bounded_whatever_the_upstream_sends() -> None:
    codec = ErrorCodec(500, KEY)
    for _ in range(100):
        list(codec.decode(b"x" * BYTES))
    assert len(codec._body) <= BYTES + 1
