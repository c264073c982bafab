from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from kapagate.standin.answers import compose
from kapagate.standin.directives import Faults
from kapagate.standin.records import SEPARATOR, encode_record, encode_stream
from kapagate.standin.specimens import SPECIMENS


def stream(question: str = "How do backups work?", **faults: Any) -> bytes:
    chosen = Faults(**faults)
    return b"".join(encode_stream(compose(question, chosen, thread_id="t", question_answer_id="q"), chosen))


def chunks(body: bytes) -> list[Any]:
    *records, rest = body.split(SEPARATOR)
    assert rest == b"", "every record ends with its separator"
    return [orjson.loads(record)["chunk"] for record in records]


def kinds(body: bytes) -> list[str]:
    return list(dict.fromkeys(chunk["type"] for chunk in chunks(body)))


def test_the_separator_is_the_visible_character() -> None:
    assert SEPARATOR == b"\xe2\x90\x9e"


def test_a_record_is_wrapped_compact_and_ended() -> None:
    record = encode_record("partial_answer", {"text": "Hi"})
    assert record == b'{"chunk":{"type":"partial_answer","content":{"text":"Hi"},"stream_end":false}}\xe2\x90\x9e'


def test_records_come_in_their_order_and_the_last_one_ends_the_stream() -> None:
    body = stream()
    assert kinds(body) == ["partial_answer", "relevant_sources", "metadata", "identifiers"]
    assert [chunk["stream_end"] for chunk in chunks(body)] == [False] * (len(chunks(body)) - 1) + [True]
    assert chunks(body)[-1]["content"] == {"thread_id": "t", "question_answer_id": "q"}


@given(st.text(max_size=200))
def test_the_pieces_are_the_answer_of_the_json_form(text: str) -> None:
    pieces = [c["content"]["text"] for c in chunks(stream(text, echo=True)) if c["type"] == "partial_answer"]
    assert "".join(pieces) == text


def test_an_email_address_is_split_over_records() -> None:
    records = stream(pii=True).split(SEPARATOR)
    assert not any(SPECIMENS["email"].encode() in record for record in records)


def test_an_error_record_ends_the_answer_in_its_middle() -> None:
    body = stream(error_record=True)
    assert kinds(body) == ["partial_answer", "error"]
    assert chunks(body)[-1]["stream_end"] is True
    assert chunks(body)[-1]["content"]["reason"]
    assert len(body) < len(stream())


def test_an_unknown_record_stands_in_the_middle_and_may_hold_personal_data() -> None:
    body = stream(unknown_record=True, pii=True)
    (unknown,) = [chunk for chunk in chunks(body) if chunk["type"] == "stand_in_note"]
    assert SPECIMENS["email"] in unknown["content"]["note"]["text"]
    assert kinds(body)[-1] == "identifiers"


def test_a_garbage_record_is_not_json() -> None:
    records = stream(garbage_record=True).split(SEPARATOR)
    assert b"data: this is not JSON" in records


def test_the_closing_record_may_be_missing() -> None:
    assert kinds(stream(no_closing=True)) == ["partial_answer", "relevant_sources", "metadata"]
