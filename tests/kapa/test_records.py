from __future__ import annotations

import json
import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.codec import Garbled
from kapagate.answer.document import KEY
from kapagate.answer.events import Event, Failure, Identifiers, Other, Place, Sources, Text, Uncertain
from kapagate.answer.rules import AnswerRules, Limit
from kapagate.kapa.chat_json import ChatJsonCodec
from kapagate.kapa.records import RECORD_BYTES, RecordsCodec
from tests.answer.toys import Digits, Words, bytes_cut, cut, pump_now, pumped, texts

SEPARATOR = b"\xe2\x90\x9e"
IDS = {
    "thread_id": "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
    "question_answer_id": "2b4e28ba-2fa1-11d2-883f-0016d3cca427",
}
SOURCES = [{"title": "A|1234", "source_url": "https://d/12345", "contains_internal_data": False}]
RULES = [
    AnswerRules("d", texts=(Digits(),)),
    AnswerRules("w", texts=(Words(),)),
    AnswerRules("s", texts=(Digits(),), binding=False),
]


def record(kind: str, content: Any, end: bool = False, ascii_only: bool = True) -> bytes:
    chunk = {"chunk": {"type": kind, "content": content, "stream_end": end}}
    return json.dumps(chunk, ensure_ascii=ascii_only).replace("␞", "\\u241e").encode() + SEPARATOR


def stream(pieces: list[str], ascii_only: bool = True) -> bytes:
    return b"".join(
        [
            *(record("partial_answer", {"text": piece}, ascii_only=ascii_only) for piece in pieces),
            record("relevant_sources", {"relevant_sources": SOURCES}),
            record("metadata", {"is_uncertain": False}),
            record("identifiers", IDS, True),
        ]
    )


def read(raw: bytes) -> list[dict[str, Any]]:
    """As a client reads: what stands behind the last separator is lost."""
    return [json.loads(each)["chunk"] for each in raw.split(SEPARATOR)[:-1]]


def answer(raw: bytes) -> str:
    return "".join(each["content"]["text"] for each in read(raw) if each["type"] == "partial_answer")


def events(raw: bytes) -> list[Event]:
    codec = RecordsCodec()
    return [*codec.decode(raw), *codec.end()]


def through(raw: bytes) -> bytes:
    """Decoded and encoded without rules."""
    return pump_now([raw], RecordsCodec())


@given(case=cut(texts(max_size=50)), cuts=st.lists(st.integers(0, 2000), max_size=12), ascii_only=st.booleans())
def test_delivers_what_the_json_form_delivers_for_every_cut_of_events_and_bytes(
    case: tuple[str, list[str]], cuts: list[int], ascii_only: bool
) -> None:
    whole = json.dumps({"answer": case[0], **IDS, "is_uncertain": False, "relevant_sources": SOURCES}).encode()
    for limits in ([], [AnswerRules("l", limit=Limit(11, " [cut]"))]):
        expected = json.loads(pump_now([whole], ChatJsonCodec(), [*RULES, *limits]))
        raw = stream(case[1], ascii_only)
        for pieces in ([raw], bytes_cut(raw, cuts), bytes_cut(raw, range(len(raw)))):
            for hold in (False, True):
                out = pump_now(pieces, RecordsCodec(), [*RULES, *limits], hold)
                assert answer(out) == expected["answer"]
                chunks = read(out)
                assert chunks[-1] == {"type": "identifiers", "content": IDS, "stream_end": True}
                assert [each["type"] for each in chunks if each["type"] != "partial_answer"] == [
                    "relevant_sources", "metadata", "identifiers",
                ]  # fmt: skip
                assert chunks[-3]["content"]["relevant_sources"] == expected["relevant_sources"]
                assert out.endswith(SEPARATOR)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_delivers_the_same_cut_in_two_at_every_byte(ascii_only: bool) -> None:
    raw = stream(["é 12", "34␞😀 s", 'ecret"\\', "", "01", "a😀"], ascii_only)
    expected = answer(pump_now([raw], RecordsCodec(), RULES))
    assert expected == 'é <n>␞😀 <w>"\\<w>😀'
    for at in range(len(raw) + 1):
        assert answer(pump_now(bytes_cut(raw, [at]), RecordsCodec(), RULES)) == expected


@given(case=cut(texts(max_size=50)), cuts=st.lists(st.integers(0, 2000), max_size=12))
async def test_every_piece_that_leaves_is_whole_records_without_what_is_forbidden(
    case: tuple[str, list[str]], cuts: list[int]
) -> None:
    out = b""
    for piece in await pumped(bytes_cut(stream(case[1]), cuts), RecordsCodec(), RULES):
        assert piece.endswith(SEPARATOR)
        out += piece
        assert not re.search(r"\d{4}|secret|01a", answer(out))


def test_knows_the_records_of_an_answer() -> None:
    assert events(stream(["Hi"]) + record("x", {}))[:4] == [
        Text("Hi"),
        Sources(SOURCES, (Place((0, "title"), "title"),), _frame("relevant_sources")),
        Uncertain(False, (), _frame("metadata")),
        Identifiers(IDS, (), _frame("identifiers", True)),
    ]


def _frame(kind: str, end: bool = False) -> dict[str, Any]:
    return {"chunk": {"type": kind, "content": {}, "stream_end": end}}


def test_knows_a_failure_and_its_reason_is_a_text() -> None:
    assert events(record("error", {"reason": "no"}, True)) == [
        Failure("no", (Place((), "other"),), _frame("error", True))
    ]
    out = pump_now([record("error", {"reason": "id 12345"}, True)], RecordsCodec(), RULES)
    assert read(out) == [{"type": "error", "content": {"reason": "id <n>"}, "stream_end": True}]


def test_every_string_of_an_unknown_record_is_a_text_and_so_are_its_keys_and_its_type() -> None:
    raw = record("type12345", {"key12345": ["12345", {"deep": "a 12345", "12345": 1}, 12345, None], "key54321": 0})
    (chunk,) = read(pump_now([raw], RecordsCodec(), RULES))
    content = {"key<n>": ["<n>", {"deep": "a <n>", "<n>": 1}, 12345, None], "key<n> 2": 0}
    assert chunk == {"type": "type<n>", "content": content, "stream_end": False}


@pytest.mark.parametrize("text", [12345, 1.5, ["12345"], {"a": "12345"}, True])
def test_a_piece_of_the_answer_that_is_no_text_is_garbled(text: Any) -> None:
    """Clients would put together whatever it is."""
    with pytest.raises(Garbled):
        events(record("partial_answer", {"text": text}))
    assert len(events(record("partial_answer", {"text": None}))) == 1


@pytest.mark.parametrize("address", ["dial 12345", "mailto:a@12345", ["dial 12345"]])
def test_what_stands_for_an_address_and_is_none_is_a_text(address: Any) -> None:
    raw = record("relevant_sources", {"relevant_sources": [{"source_url": address, "title": "t"}]})
    assert b"12345" not in pump_now([raw], RecordsCodec(), RULES)
    url = record("relevant_sources", {"relevant_sources": [{"source_url": "https://d/12345?to=a@b", "title": "t"}]})
    assert b"https://d/12345?to=a@b" in pump_now([url], RecordsCodec(), RULES)


@pytest.mark.parametrize(
    "value",
    [
        [1, "12345"],
        "12345",
        {"chunk": "12345"},
        {"chunk": {"type": "metadata", "content": {"is_uncertain": "12345"}}},
        {"chunk": {"type": "identifiers", "content": {"thread_id": ["12345"]}}},
        {"chunk": {"type": "relevant_sources", "content": {"relevant_sources": [["12345"], {"subtitle": "12345"}]}}},
        {"chunk": {"type": "metadata", "content": {"is_uncertain": True, "why": "12345"}}},
        {
            "chunk": {"type": "partial_answer", "content": {"text": "", "why": "12345"}, "more": "12345"},
            "most": "12345",
        },
    ],
)
def test_nothing_slips_through_in_records_of_another_shape(value: Any) -> None:
    out = pump_now([json.dumps(value).encode() + SEPARATOR], RecordsCodec(), RULES)
    assert json.loads(out.removesuffix(SEPARATOR)) == json.loads(json.dumps(value).replace("12345", "<n>"))


def test_keys_beside_the_known_ones_stay_in_their_record() -> None:
    raw = record("metadata", {"is_uncertain": True, "score": 3, "why": "because"}) + record(
        "identifiers", {**IDS, "n": 1}, True
    )
    assert read(through(raw)) == read(raw)


def test_a_piece_of_text_that_says_uncertain_is_also_an_uncertain_event() -> None:
    raw = record("partial_answer", {"text": "Hi", "is_uncertain": True, "note": "n"})
    assert next(each for each in events(raw) if isinstance(each, Uncertain)).value is True
    chunks = read(through(raw))
    assert answer(through(raw)) == "Hi"
    assert chunks[-1]["content"] == {"text": "", "is_uncertain": True, "note": "n"}


def test_a_dropped_rest_leaves_a_record_that_clients_can_append() -> None:
    drop = AnswerRules("drop", event=lambda record: None if isinstance(record, Other) else record)
    raw = record("partial_answer", {"text": "Hi", "is_uncertain": True, "note": "n"})
    assert answer(pump_now([raw], RecordsCodec(), [drop])) == "Hi"


def test_a_closing_piece_of_text_still_closes() -> None:
    chunks = read(through(record("partial_answer", {"text": "Hi"}, True)))
    assert [(each["content"]["text"], each["stream_end"]) for each in chunks] == [("Hi", False), ("", True)]


def test_completes_a_last_record_without_separator() -> None:
    raw = stream(["Hi"])
    assert through(raw.removesuffix(SEPARATOR)) == through(raw)


def test_holds_the_closing_record_until_the_end_and_drops_what_follows_it() -> None:
    codec = RecordsCodec()
    out = pump_now([stream(["Hi"]), record("partial_answer", {"text": "late"})], codec)
    assert read(out)[-1]["type"] == "identifiers"
    assert "late" not in answer(out)
    assert codec.dropped == 1


async def test_what_the_end_rules_append_stands_before_the_closing_record() -> None:
    async def disclaim(_: object) -> list[Event]:
        return [Text(" (careful)")]

    out = b"".join(await pumped([stream(["Hi"])], RecordsCodec(), [AnswerRules("d", end=disclaim)]))
    assert answer(out) == "Hi (careful)"
    assert [each["type"] for each in read(out)][-2:] == ["partial_answer", "identifiers"]


def test_writes_the_separator_inside_strings_as_an_escape() -> None:
    codec = RecordsCodec()
    raw = codec.encode([Text("a␞b"), Other({"k␞": "␞"})])
    assert raw.count(SEPARATOR) == 2
    assert b"\\u241e" in raw
    assert answer(codec.encode([Text("a␞b")])) == "a␞b"


def test_a_refusal_is_an_error_record_that_ends_the_stream() -> None:
    assert read(RecordsCodec().failure("no␞") or b"") == [
        {"type": "error", "content": {"reason": "no␞"}, "stream_end": True}
    ]


def test_writes_nothing_for_nothing() -> None:
    assert pump_now([], RecordsCodec()) == b""
    assert through(SEPARATOR + b" \n" + SEPARATOR) == b""
    assert through(record("partial_answer", {"text": ""})) == b""


@pytest.mark.parametrize(
    "raw",
    [
        b"data: {}",
        b"{" + SEPARATOR,
        b'{"chunk":',
        b'"\xff"' + SEPARATOR,
        b'"\\ud800"' + SEPARATOR,
        b"[" * 100 + b"]" * 100,
        b"x" * (RECORD_BYTES + 1),
        b'"' + b"x" * RECORD_BYTES + b'"' + SEPARATOR,
    ],
)
def test_what_cannot_be_read_is_garbled(raw: bytes) -> None:
    with pytest.raises(Garbled):
        events(raw)


def test_a_long_record_byte_by_byte_is_not_searched_again_and_again() -> None:
    codec = RecordsCodec()
    raw = record("partial_answer", {"text": "x" * 100_000})
    found = [event for at in range(len(raw)) for event in codec.decode(raw[at : at + 1])]
    assert found == [Text("x" * 100_000)]


@given(st.text())
def test_text_leaves_as_it_would_in_any_record(text: str) -> None:
    record = {"chunk": {"type": "partial_answer", "content": {"text": text}, "stream_end": False}}
    expected = orjson.dumps(record).replace(SEPARATOR, rb"\u241e") + SEPARATOR if text else b""
    assert RecordsCodec().encode([Text(text)]) == expected


def test_records_of_one_piece_are_read_when_those_before_them_are_through() -> None:
    events = iter(RecordsCodec().decode(b'{"a":1}' + SEPARATOR + b"<html>" + SEPARATOR))
    assert next(events) == Other({"a": 1}, (Place(("a", KEY), "other"),))
    with pytest.raises(Garbled):
        next(events)


def test_the_record_that_opens_a_stream_with_its_thread_has_identifiers_and_stays_what_it_is() -> None:
    opening = record("stream_start", {"thread_id": IDS["thread_id"]})
    assert [(type(each), each.value) for each in events(opening)] == [(Identifiers, {"thread_id": IDS["thread_id"]})]
    codec = RecordsCodec()
    assert read(codec.encode(codec.decode(opening))) == read(opening)
