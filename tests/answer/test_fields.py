from __future__ import annotations

import json
from typing import Any

import pytest

from kapagate.answer.codec import Garbled
from kapagate.answer.document import KEY
from kapagate.answer.events import Other, Place, Text
from kapagate.answer.fields import PLAIN, FieldsCodec, parse_field_path, parse_running_path, places_of, running_in
from kapagate.answer.rules import AnswerRules, Limit
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


CONTENT = parse_running_path("choices[].message.content")


def completion(*contents: Any, note: str = "12345") -> bytes:
    choices = [{"index": at, "message": {"content": each}} for at, each in enumerate(contents)]
    return json.dumps({"id": "c1", "choices": choices, "note": note}).encode()


def answering() -> FieldsCodec:
    return FieldsCodec({("note",): "other"}, [CONTENT, ("answer",)])


def test_a_point_is_plain_data() -> None:
    assert parse_running_path(".") == PLAIN
    with pytest.raises(ValueError, match="key"):
        parse_running_path("..")


def test_the_running_text_is_one_text_and_the_rest_one_record() -> None:
    reading = answering()
    reading.decode(completion("Hi 12345"))
    text, rest = reading.end()
    assert text == Text("Hi 12345")
    assert isinstance(rest, Other)
    assert (rest.value["choices"][0]["message"]["content"], rest.places) == ("", (Place(("note",), "other"),))


def test_the_running_text_has_the_answers_length() -> None:
    rules = [AnswerRules("d", texts=(Digits(),)), AnswerRules("l", limit=Limit(7, "…"))]
    out = json.loads(
        pump_now([completion("Hi 12345 and more", note="a note of 12345 that is longer")], answering(), rules)
    )
    assert out["choices"][0]["message"]["content"] == "Hi <n>…"
    assert out["note"] == "a note of <n> that is longer"
    assert list(out) == ["id", "choices", "note"]


def test_a_body_without_running_text_is_one_record_and_an_untouched_one_is_as_it_was() -> None:
    for raw in (b'{"note":"x"}', b'{"answer":null}', b'{"choices":[],"answer":"Hi"}', b'{"answer":""}'):
        assert pump_now([raw], answering()) == raw


@pytest.mark.parametrize(
    "raw",
    [
        completion("one", "two"),
        b'{"choices":[{"message":{"content":"a"}}],"answer":"b"}',
        b'{"choices":[{"index":1,"message":{"content":"a"}}]}',
        b'{"answer":{"text":"a"}}',
        b'{"answer":["a"]}',
    ],
)
def test_a_body_with_two_running_texts_cannot_be_guarded_as_one(raw: bytes) -> None:
    with pytest.raises(Garbled):
        pump_now([raw], answering())


def test_a_dropped_rest_takes_the_text_along() -> None:
    drop = AnswerRules("x", event=lambda record: None)
    assert pump_now([completion("Hi")], answering(), [drop]) == b"null"


def test_keys_below_a_declared_field_are_texts_of_its_kind() -> None:
    value = {"notes": [{"jane": 1}], "jane": {"joe": 2}}
    places = places_of(value, {parse_field_path("notes"): "comment"})
    assert places == (Place(("notes", 0, "jane", KEY), "comment"),)


@pytest.mark.parametrize("number", [4111111111111111, 0.5, True])
def test_a_number_in_the_place_of_the_running_text_is_garbled(number: float) -> None:
    with pytest.raises(Garbled):
        running_in({"answer": number}, [parse_field_path("answer")])
    assert running_in({"answer": None}, [parse_field_path("answer")]) is None
