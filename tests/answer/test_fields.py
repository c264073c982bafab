from __future__ import annotations

import json

import pytest

from kapagate.answer.codec import Garbled
from kapagate.answer.events import Other, Place
from kapagate.answer.fields import FieldsCodec, parse_field_path
from kapagate.answer.rules import AnswerRules
from tests.answer.toys import Digits, bytes_cut, pump_now

BODY = {"answer": "a 12345", "items": [{"body": "b 12345", "id": "12345"}, {"body": ["c", "12345"]}, 12345], "n": 12345}


def codec() -> FieldsCodec:
    return FieldsCodec({("answer",): "answer", parse_field_path("items[].body"): "passage"})


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("answer", ("answer",)),
        ("items[].body", ("items", None, "body")),
        ("[].content", (None, "content")),
        ("[][]", (None, None)),
        ("a.b[][].c", ("a", "b", None, None, "c")),
    ],
)
def test_reads_the_path_of_a_field(text: str, path: tuple[str | None, ...]) -> None:
    assert parse_field_path(text) == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a[0].b", "a[", "a.[]", "a []", "[]a"])
def test_says_what_is_wrong_with_a_path(text: str) -> None:
    with pytest.raises(ValueError, match="key"):
        parse_field_path(text)


def test_declared_fields_are_texts_of_their_kind_and_nothing_else_is() -> None:
    reading = codec()
    reading.decode(json.dumps(BODY).encode())
    assert list(reading.end()) == [
        Other(
            BODY,
            (
                Place(("answer",), "answer"),
                Place(("items", 0, "body"), "passage"),
                Place(("items", 1, "body", 0), "passage"),
                Place(("items", 1, "body", 1), "passage"),
            ),
        )
    ]


def test_edits_declared_fields_only_however_the_body_was_cut() -> None:
    raw = json.dumps(BODY).encode()
    expected = {
        **BODY,
        "answer": "a <n>",
        "items": [{"body": "b <n>", "id": "12345"}, {"body": ["c", "<n>"]}, 12345],
    }
    for at in range(len(raw)):
        assert json.loads(pump_now(bytes_cut(raw, [at]), codec(), [AnswerRules("d", texts=(Digits(),))])) == expected


def test_a_field_declared_twice_keeps_its_first_kind() -> None:
    reading = FieldsCodec({("a",): "answer", ("a", None): "other"})
    reading.decode(b'{"a":["x"]}')
    (event,) = reading.end()
    assert isinstance(event, Other)
    assert event.places == (Place(("a", 0), "answer"),)


@pytest.mark.parametrize(
    "raw", [b"", b"<html>", b'{"answer": NaN}', b'"\xff"', b'{"answer":' + b"[" * 80 + b"]" * 80 + b"}"]
)
def test_what_cannot_be_read_is_garbled(raw: bytes) -> None:
    with pytest.raises(Garbled):
        pump_now([raw], codec())
