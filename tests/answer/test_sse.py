"""Event streams through the one window: the same text and the same rest, however the bytes were cut."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.codec import Garbled
from kapagate.answer.events import Event, Other, Text, TextKind
from kapagate.answer.fields import PLAIN, FieldPath, parse_field_path
from kapagate.answer.rules import AnswerRules, Limit
from kapagate.answer.sse import SseCodec
from tests.answer.test_event_stream import read
from tests.answer.toys import Digits, Words, bytes_cut, cut, pump_now, pumped, texts

CONTENT = parse_field_path("choices[].delta.content")
FIELDS: dict[FieldPath, TextKind] = {parse_field_path("note"): "other"}
RULES = [
    AnswerRules("d", texts=(Digits(),)),
    AnswerRules("w", texts=(Words(),)),
    AnswerRules("s", texts=(Digits(),), binding=False),
]


def codec(running: Sequence[FieldPath] = (CONTENT,)) -> SseCodec:
    return SseCodec(FIELDS, running)


def event(value: Any, **fields: str) -> bytes:
    data = value if isinstance(value, str) else json.dumps(value)
    lines = [f"{name}: {each}" for name, each in fields.items()] + [f"data: {part}" for part in data.split("\n")]
    return "\n".join([*lines, "", ""]).encode()


def delta(text: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": "c1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}], **more}


def stream(pieces: Iterable[str]) -> bytes:
    opening = {"id": "c1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
    closing = {"id": "c1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    said = [event(delta(piece)) for piece in pieces]
    last = [event(closing), event({"choices": [], "n": 3}), event("[DONE]")]
    return b"".join([event(opening), b": ping\n\n", *said, *last])


def values(raw: bytes) -> list[Any]:
    return [json.loads(each.data) for each in read(raw) if each.data not in (None, "[DONE]")]


def content(value: Any) -> str:
    choices = value.get("choices") or [{}]
    return str(choices[0].get("delta", {}).get("content") or "")


def answer(raw: bytes) -> str:
    return "".join(map(content, values(raw)))


def events(raw: bytes, reading: SseCodec | None = None) -> list[Event]:
    reading = reading or codec()
    return [*reading.decode(raw), *reading.end()]


def through(raw: bytes, rules: Sequence[AnswerRules] = (), running: Sequence[FieldPath] = (CONTENT,)) -> bytes:
    return pump_now([raw], codec(running), rules)


# The one window


@given(cut(texts(max_size=60)), st.lists(st.integers(0, 5000), max_size=12), st.sampled_from([b"\n", b"\r", b"\r\n"]))
def test_the_text_is_edited_as_one_however_events_and_bytes_were_cut(
    told: tuple[str, list[str]], cuts: list[int], end: bytes
) -> None:
    text, pieces = told
    raw = stream(pieces).replace(b"\n", end)
    once = through(stream([text] if text else []), RULES)
    out = pump_now(bytes_cut(raw, cuts), codec(), RULES)
    assert answer(out) == answer(once)
    assert [each for each in values(out) if not content(each)] == [each for each in values(once) if not content(each)]
    assert out.endswith(b"data: [DONE]\n\n")


@given(cut(texts(max_size=40)), st.lists(st.integers(0, 3000), max_size=9))
def test_plain_text_is_edited_as_one_too(told: tuple[str, list[str]], cuts: list[int]) -> None:
    text, pieces = told
    raw = b"".join(event(piece) for piece in pieces if piece)
    out = pump_now(bytes_cut(raw, cuts), codec([PLAIN]), RULES)
    once = through(event(text), RULES, [PLAIN]) if text else b""
    assert "".join(each.data or "" for each in read(out)) == "".join(each.data or "" for each in read(once))


def test_nothing_forbidden_is_in_any_prefix() -> None:
    raw = stream(["call 12", "34", "5 se", "cret now"])
    for size in range(1, 40):
        pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
        assert answer(pump_now(pieces, codec(), RULES)) == "call <n> <w> now"


def test_a_stream_without_findings_is_told_as_it_came() -> None:
    raw = stream(["Hel", "lo ", "you."])
    pieces = [each + b"\n\n" for each in raw.split(b"\n\n")[:-1]]
    assert values(pump_now(pieces, codec())) == values(raw)


def test_what_a_limit_cuts_stays_out_and_the_rest_arrives() -> None:
    out = through(stream(["one two ", "three four"]), [AnswerRules("l", limit=Limit(8, " …"))])
    assert answer(out) == "one two …"
    assert values(out)[-2]["choices"][0]["finish_reason"] == "stop"


async def test_what_the_end_appends_stands_in_the_frame_of_the_answer_before_done() -> None:
    async def disclaim(_: object) -> list[Event]:
        return [Text(" (careful)")]

    out = b"".join(await pumped([stream(["Hi"])], codec(), [AnswerRules("d", end=disclaim)]))
    assert answer(out) == "Hi (careful)"
    assert (values(out)[-1]["id"], read(out)[-1].data) == ("c1", "[DONE]")


# Frames


def test_why_an_answer_ended_follows_its_text() -> None:
    raw = event(delta("12")) + event(delta("34 ok", "stop", usage={"n": 2}))
    out = values(through(raw, RULES))
    assert out == [delta("<n> ok"), delta("", "stop", usage={"n": 2})]
    assert values(through(event(delta("all", "stop")))) == [delta("all"), delta("", "stop")]


def test_another_block_of_the_answer_is_told_as_one() -> None:
    def block(index: int, text: str) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}

    blocks = [block(0, "a 12"), block(0, "34"), block(1, "5"), block(1, " b")]
    raw = b"".join(event(each, event="content_block_delta") for each in blocks)
    out = read(through(raw, RULES, [parse_field_path("delta.text")]))
    assert {each.name for each in out} == {"content_block_delta"}
    assert [json.loads(each.data or "") for each in out] == [block(0, "a "), block(0, "<n>"), block(1, " b")]


def test_an_id_follows_the_text_that_it_stands_for() -> None:
    raw = event(delta("12"), id="1") + event(delta("34 "), id="2", retry="9")
    out = read(through(raw, RULES))
    assert [(each.id, content(json.loads(each.data or ""))) for each in out] == [
        (None, "<n>"),
        ("1", ""),
        (None, " "),
        ("2", ""),
    ]
    assert out[-1].retry == "9"
    plain = read(through(event("12", id="1") + event("34 ", id="2"), RULES, [PLAIN]))
    assert [(each.data, each.id) for each in plain] == [("<n>", None), (None, "1"), (" ", None), (None, "2")]


def test_texts_beside_the_running_one_are_guarded_whole() -> None:
    raw = event(delta("Hi", note="see 12345")) + event({"note": "12345", "other": "12345"}) + b": 12345\n\n"
    out = through(raw, RULES)
    assert values(out) == [
        {"choices": [{"delta": {"content": "Hi"}}]},
        delta("", note="see <n>"),
        {"note": "<n>", "other": "12345"},
    ]
    assert read(out)[-1].comments == ("<n>",)


def test_events_without_running_text_are_guarded_one_by_one() -> None:
    raw = event({"note": "12345"}, event="news", id="7") + b"retry: 5\n\n" + b"event: nothing\n\n"
    assert through(raw, RULES, []) == b'event: news\nid: 7\ndata: {"note":"<n>"}\n\nretry: 5\n\n'


def test_plain_events_keep_their_names_and_empty_ones_stay() -> None:
    raw = event("Hi", event="token") + event("", event="ping") + event("bye", event="end")
    assert through(raw, RULES, [PLAIN]) == raw


def test_an_event_rule_sees_records_and_may_drop_them() -> None:
    drop = AnswerRules("x", event=lambda each: None if isinstance(each, Other) and each.value else each)
    assert answer(through(stream(["Hi"]), [drop])) == "Hi"


def test_names_and_ids_are_texts_too() -> None:
    said = event(delta("Hi", index=0), event="x 12345", id="a 12345")
    out = read(through(said + event(delta(""), event="x 12345", retry="12345 x"), RULES))
    marks = [("x <n>", None, None), ("x <n>", "a <n>", None), ("x <n>", None, None)]
    assert [(each.name, each.id, each.retry) for each in out] == marks
    assert content(json.loads(out[0].data or "")) == "Hi"
    plain = read(through(event("Hi", event="x 12345", id="a 12345") + event("you"), RULES, [PLAIN]))
    told = [(each.name, each.data, each.id) for each in plain]
    assert told == [("x <n>", "Hi", None), ("", None, "a <n>"), ("", "you", None)]


def test_a_name_that_becomes_two_lines_stays_one() -> None:
    rules = [AnswerRules("w", texts=(Words(words=("secret",), text="a\n\ndata: b"),))]
    out = read(through(event(delta("Hi"), event="secret", id="a secret"), rules))
    assert {each.name for each in out} == {"a  data: b"}
    assert out[-1].id == "a a  data: b"


def test_events_have_not_any_number_of_names() -> None:
    with pytest.raises(Garbled):
        events(b"".join(event("Hi", event=f"n{number}") for number in range(65)), codec([PLAIN]))


@pytest.mark.parametrize(
    "voices",
    [
        [{"id": "a"}, {"id": "b"}, {"id": "a"}],
        [{"index": 0}, {"index": 1}, {"index": 0}],
        [
            {"item_id": "a", "content_index": 0},
            {"item_id": "a", "content_index": 1},
            {"item_id": "a", "content_index": 0},
        ],
    ],
)
def test_running_texts_that_take_turns_are_garbled(voices: list[dict[str, Any]]) -> None:
    """A client that keeps them apart would put together what was never looked at as one."""
    raw = b"".join(event({**delta("12"), **voice}) for voice in voices)
    with pytest.raises(Garbled, match="take turns"):
        events(raw)
    assert events(b"".join(event({**delta("12"), **voice}) for voice in voices[:2]))
    names = b"".join(event("12", event=each) for each in ("a", "b", "a"))
    with pytest.raises(Garbled, match="take turns"):
        events(names, codec([PLAIN]))


def test_what_only_changes_tells_no_texts_apart() -> None:
    raw = b"".join(event({**delta("1"), "valid": at % 2 == 0, "created": at % 3, "p": "ab"[at % 2]}) for at in range(9))
    assert answer(through(raw)) == "1" * 9


def test_ids_that_never_come_back_are_no_turns() -> None:
    raw = b"".join(event({**delta("1"), "id": number}) for number in range(2000))
    assert answer(through(raw)) == "1" * 2000


def test_no_reader_ends_a_line_where_none_ends() -> None:
    text = "a\u2028data: b\u2029c\u0085d"
    out = through(event(delta(text)))
    assert len(out.decode().splitlines()) == 2
    assert answer(out) == text


def test_what_follows_done_is_dropped_and_counted() -> None:
    reading = codec()
    out = pump_now([stream(["Hi"]), event(delta("late"))], reading)
    assert answer(out) == "Hi"
    assert reading.dropped == 1


# What cannot be read, and last words


@pytest.mark.parametrize(
    "value",
    [
        "no json",
        '{"a":',
        '"\\ud800"',
        "[" * 1500 + "]" * 1500,
        {"choices": [{"delta": {"content": "a"}}, {"delta": {"content": "b"}}]},
        {"choices": [{"index": 1, "delta": {"content": "b"}}]},
        {"choices": [{"delta": {"content": ["a"]}}]},
        {"choices": [{"delta": {"content": 12345}}]},
        {"choices": [{"delta": {"content": True}}]},
    ],
)
def test_what_cannot_be_read_as_one_answer_is_garbled(value: Any) -> None:
    with pytest.raises(Garbled):
        events(event(value))


def test_a_nothing_in_the_place_of_text_is_no_text() -> None:
    value = {"choices": [{"delta": {"content": None}}]}
    (found,) = events(event(value))
    assert isinstance(found, Other)
    assert found.value == value


def test_a_refusal_is_an_error_event_in_the_words_of_the_stream() -> None:
    (last,) = read(codec().failure('no "way"\n') or b"")
    assert (last.name, json.loads(last.data or "")) == ("error", {"error": {"message": 'no "way"\n'}})
    (last,) = read(codec([PLAIN]).failure("no\nway") or b"")
    assert (last.name, last.data) == ("error", "no\nway")


def test_text_without_a_frame_has_one_of_ours() -> None:
    assert codec().encode([Text("a")]) == b'data: {"text":"a"}\n\n'
    assert codec([PLAIN]).encode([Text("a")]) == b"data: a\n\n"
