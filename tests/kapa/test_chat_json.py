from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.codec import Garbled
from kapagate.answer.document import KEY
from kapagate.answer.events import Event, Identifiers, Other, Place, Sources, Text, Uncertain
from kapagate.answer.rules import AnswerRules
from kapagate.kapa.chat_json import ChatJsonCodec
from tests.answer.toys import Digits, bytes_cut, pump_now, pumped

RULES = [AnswerRules("d", texts=(Digits(),))]
CHAT: dict[str, Any] = {
    "new": {"hint": "call 12345", "n": 5},
    "answer": "dial 12345, é",
    "thread_id": "12345678-1234-1234-1234-123456789012",
    "question_answer_id": "q",
    "is_uncertain": True,
    "relevant_sources": [{"source_url": "https://d/12345", "title": "T 12345", "rank": 12345}],
}


def through(value: Any, rules: list[AnswerRules] = RULES) -> Any:
    return json.loads(pump_now([json.dumps(value).encode()], ChatJsonCodec(), rules))


def test_yields_the_events_of_a_stream() -> None:
    codec = ChatJsonCodec()
    assert list(codec.decode(json.dumps(CHAT).encode())) == []
    assert list(codec.end()) == [
        Text("dial 12345, é"),
        Sources(CHAT["relevant_sources"], (Place((0, "rank", KEY), "other"), Place((0, "title"), "title"))),
        Uncertain(True),
        Identifiers(
            {"thread_id": CHAT["thread_id"], "question_answer_id": "q"}, (Place(("question_answer_id",), "other"),)
        ),
        Other(
            {"new": CHAT["new"]},
            (
                Place(("new", KEY), "other"),
                *(Place(("new", key, KEY), "other") for key in ("hint", "n")),
                Place(("new", "hint"), "other"),
            ),
        ),
    ]


@given(st.lists(st.integers(0, 500), max_size=8))
def test_writes_the_same_object_with_edited_texts_in_the_same_order(cuts: list[int]) -> None:
    out = json.loads(pump_now(bytes_cut(json.dumps(CHAT).encode(), cuts), ChatJsonCodec(), RULES))
    assert out == {
        **CHAT,
        "new": {"hint": "call <n>", "n": 5},
        "answer": "dial <n>, é",
        "relevant_sources": [{"source_url": "https://d/12345", "title": "T <n>", "rank": 12345}],
    }
    assert list(out) == list(CHAT)


@pytest.mark.parametrize(
    "value", [{"answer": None, "a": "12345"}, {"answer": {"text": "12345"}}, {"detail": "12345"}, ["12345"], "12345"]
)
def test_guards_every_string_of_another_shape(value: Any) -> None:
    assert through(value) == json.loads(json.dumps(value).replace("12345", "<n>"))


def test_guards_known_keys_of_another_shape() -> None:
    value = {"answer": "a", "relevant_sources": "12345", "is_uncertain": "12345", "thread_id": ["12345"]}
    assert through(value) == json.loads(json.dumps(value).replace("12345", "<n>"))


def test_dropped_sources_leave_an_empty_list_and_other_records_leave_with_their_keys() -> None:
    drop = AnswerRules("drop", event=lambda record: record if isinstance(record, Identifiers) else None)
    kept = {key: CHAT[key] for key in ("answer", "thread_id", "question_answer_id")}
    assert through(CHAT, [drop]) == {**kept, "relevant_sources": []}


async def test_appended_text_belongs_to_the_answer() -> None:
    async def disclaim(_: object) -> list[Event]:
        return [Text(" (careful)")]

    pieces = await pumped([json.dumps(CHAT).encode()], ChatJsonCodec(), [AnswerRules("d", end=disclaim)])
    assert len(pieces) == 1
    assert json.loads(pieces[0])["answer"] == "dial 12345, é (careful)"


@pytest.mark.parametrize("number", [4111111111111111, 1.5, True])
def test_a_number_in_the_place_of_the_answer_is_garbled(number: float) -> None:
    with pytest.raises(Garbled):
        through({"answer": number})


def test_a_body_that_is_not_json_is_garbled() -> None:
    with pytest.raises(Garbled):
        pump_now([b"<html>"], ChatJsonCodec())


def test_has_no_last_words_because_nothing_left_before() -> None:
    assert ChatJsonCodec().failure("no") is None


def test_an_identifier_that_is_no_uuid_is_a_text() -> None:
    codec = ChatJsonCodec()
    answer = {"answer": "a", "thread_id": "joe@x.example", "question_answer_id": "3fa85f64-5717-4562-b3fc-2c963f66afa6"}
    list(codec.decode(json.dumps(answer).encode()))
    (identifiers,) = [event for event in codec.end() if isinstance(event, Identifiers)]
    assert [place.path for place in identifiers.places] == [("thread_id",)]
