"""Every kind of stream and of JSON under every combination of rules: what is delivered does not depend on the cuts.

Texts are written as wires may write them (as they are, with escapes beyond ASCII, or in escapes alone), and bytes are
cut anywhere: in separators, in letters, in escapes and in surrogate pairs.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapagate.answer.codec import Codec
from kapagate.answer.events import Text, TextKind
from kapagate.answer.fields import PLAIN, FieldsCodec, parse_field_path
from kapagate.answer.reader import readers_of
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules, Limit
from kapagate.answer.sse import SseCodec
from kapagate.answer.whole import edited_text
from kapagate.guards.code import CodeBlocks
from kapagate.guards.personal import PersonalData
from kapagate.guards.terms import BlockedTerms
from kapagate.kapa.chat_json import ChatJsonCodec
from kapagate.kapa.errors import ErrorCodec
from kapagate.kapa.listings import ListingCodec
from kapagate.kapa.mcp_answers import McpBody, McpEvents
from kapagate.kapa.passages import PassagesCodec
from kapagate.kapa.records import SEPARATOR, RecordsCodec
from kapagate.standin.specimens import SPECIMENS
from tests.answer.test_event_stream import read as read_events
from tests.answer.toys import bytes_cut, held, pieces_of, pump_now, pumped, streamed

EMAIL, CARD, TERM = SPECIMENS["email"], SPECIMENS["card"], "Project Falcon"
FORBIDDEN = [*SPECIMENS.values(), TERM, "東京", "rm -rf"]
IDS = {
    "thread_id": "1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f",
    "question_answer_id": "7d1f2c3b-4a5e-4f60-8a71-92b3c4d5e6f7",
}
SOURCES = [{"source_url": "https://docs.example/12345?a=b%20c", "title": "Ärger ␞ \U0001f642"}]
CONTENT = parse_field_path("choices[].delta.content")

# --- rules

MADE: dict[str, Callable[[], AnswerRules]] = {
    "personal": lambda: AnswerRules("personal", texts=(PersonalData(),)),
    "terms": lambda: AnswerRules("terms", texts=(BlockedTerms([TERM, "東京"]),)),
    "code": lambda: AnswerRules("code", texts=(CodeBlocks(),)),
    "limit": lambda: AnswerRules("limit", limit=Limit(160, " [cut]")),
    "shadow": lambda: AnswerRules("shadow", texts=(PersonalData(),), binding=False),
}
COMBINATIONS = [chosen for size in range(len(MADE) + 1) for chosen in itertools.combinations(MADE, size)]
Names = Sequence[str]


def rules_of(names: Names) -> list[AnswerRules]:
    """Made for one answer, as rules may remember it."""
    return [MADE[name]() for name in names]


def whole(text: str, kind: TextKind, names: Names) -> str:
    """A text that arrives whole and is not the running one."""
    rules, report = rules_of(names), Report()
    report.enrol(rules)
    return edited_text(text, kind, readers_of([each for each in rules if each.binding], report), report)


# --- wires


def escaped(text: str) -> str:
    """In escapes alone: a letter beyond the first plane is two of them."""
    units = text.encode("utf-16-be", "surrogatepass")
    return '"' + "".join(f"\\u{units[at]:02x}{units[at + 1]:02X}" for at in range(0, len(units), 2)) + '"'


def written(value: Any, style: str) -> bytes:
    if style != "escapes":
        return json.dumps(value, ensure_ascii=style == "ascii").replace("␞", "\\u241e").encode()
    if isinstance(value, str):
        return escaped(value).encode()
    if isinstance(value, dict):
        return b"{" + b",".join(written(k, style) + b":" + written(v, style) for k, v in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(written(each, style) for each in value) + b"]"
    return json.dumps(value).encode()


STYLES = ["raw", "ascii", "escapes"]


@dataclass(frozen=True)
class Stream:
    """How a kind of stream tells a text in pieces, and what a client reads: the text, and everything else."""

    write: Callable[[Iterable[str], str], bytes]
    codec: Callable[[], Codec]
    read: Callable[[bytes], tuple[str, Any]]


def frame(kind: str, content: Any, style: str, end: bool = False) -> bytes:
    return written({"chunk": {"type": kind, "content": content, "stream_end": end}}, style) + SEPARATOR


def kapa(pieces: Iterable[str], style: str) -> bytes:
    said = [frame("partial_answer", {"text": piece}, style) for piece in pieces]
    rest = [frame("relevant_sources", {"relevant_sources": SOURCES}, style)]
    rest.append(frame("metadata", {"is_uncertain": True}, style))
    return b"".join([*said, *rest, frame("identifiers", IDS, style, end=True)])


def widget(pieces: Iterable[str], style: str) -> bytes:
    opening = frame("stream_start", {"thread_id": IDS["thread_id"]}, style)
    return opening + frame("agent_activity_update", {"label": f"asking {EMAIL}"}, style) + kapa(pieces, style)


def read_records(raw: bytes) -> tuple[str, Any]:
    *records, rest = raw.split(SEPARATOR)
    assert rest == b""
    chunks = [json.loads(each)["chunk"] for each in records]
    assert [each["stream_end"] for each in chunks] == [False] * (len(chunks) - 1) + [True]
    said = [each["content"]["text"] for each in chunks if each["type"] == "partial_answer"]
    return "".join(said), [each for each in chunks if each["type"] != "partial_answer"]


def deltas(pieces: Iterable[str], style: str) -> bytes:
    values = [{"id": "c", "choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    said = b"".join(b"id: %d\r\ndata: %b\r\n\r\n" % (at, written(each, style)) for at, each in enumerate(values))
    note = written({"note": f"ask {EMAIL}"}, style)
    return b": ping\r\r" + said + b"event: note\ndata: " + note + b"\n\ndata: [DONE]\n\n"


def read_deltas(raw: bytes) -> tuple[str, Any]:
    told = [json.loads(each.data) for each in read_events(raw) if each.data not in (None, "[DONE]")]
    said = "".join(each["choices"][0]["delta"]["content"] for each in told if "choices" in each)
    return said, ([each for each in told if "choices" not in each], raw.endswith(b"data: [DONE]\n\n"))


def tokens(pieces: Iterable[str], style: str) -> bytes:
    """`style` has no say: plain text has no escapes, but three ways to end a line."""
    end = {"raw": "\n", "ascii": "\r", "escapes": "\r\n"}[style]
    lines = [[f"data: {line}" for line in piece.split("\n")] for piece in pieces if piece]
    return "".join(end.join(["event: token", *each, "", ""]) for each in lines).encode()


def read_tokens(raw: bytes) -> tuple[str, Any]:
    events = read_events(raw)
    return "".join(each.data or "" for each in events), {each.name for each in events} <= {"token"}


STREAMS = {
    "kapa": Stream(kapa, RecordsCodec, read_records),
    "widget": Stream(widget, RecordsCodec, read_records),
    "deltas": Stream(deltas, lambda: SseCodec({parse_field_path("note"): "other"}, [CONTENT]), read_deltas),
    "tokens": Stream(tokens, lambda: SseCodec({}, [PLAIN]), read_tokens),
}
BESIDE = {
    "kapa": lambda names: [SOURCES[0]["title"]],
    "widget": lambda names: [whole(f"asking {EMAIL}", "other", names), SOURCES[0]["title"]],
    "deltas": lambda names: [whole(f"ask {EMAIL}", "other", names)],
    "tokens": lambda names: [],
}

# --- texts

WORDS = [
    *(EMAIL, CARD, SPECIMENS["phone"], SPECIMENS["iban"], TERM, "東京", "Project", "Falconry", "jane.doe", "4111 11"),
    *("é", "\U0001f642", "␞", '"', "\\", "/", "word", "12", "@", ".", "```\nrm -rf\n```\n", "```", "\n", "~~~"),
]
letters = st.characters(exclude_characters="\r\x00", codec="utf-8")
parts = st.lists(st.sampled_from(WORDS) | st.text(letters, max_size=4), max_size=14)
texts = parts.flatmap(lambda words: st.sampled_from([" ".join(words), "".join(words)]))
places = st.lists(st.integers(0, 1 << 16), max_size=12)
SAMPLE = f"Ask {EMAIL}, é\U0001f642 {TERM} or 東京␞\n```\nrm -rf\n```\npay {CARD}."


def check(stream: str, text: str, pieces: Iterable[str], cuts: Iterable[int], style: str, names: Names) -> None:
    kind = STREAMS[stream]
    expected = held(rules_of(names), text)
    out = pump_now(bytes_cut(kind.write(pieces, style), cuts), kind.codec(), rules_of(names))
    said, rest = kind.read(out)
    assert said == expected
    once = pump_now([kind.write([text] if text else [], "raw")], kind.codec(), rules_of(names))
    assert rest == kind.read(once)[1]
    if text:
        for beside in BESIDE[stream](names):
            assert json.dumps(beside)[1:-1] in json.dumps(rest)


@pytest.mark.parametrize("stream", STREAMS)
@settings(max_examples=120)
@given(text=texts, cuts=places, byte_cuts=places, style=st.sampled_from(STYLES), names=st.sampled_from(COMBINATIONS))
def test_a_stream_says_what_the_whole_says_under_any_rules_and_cuts(
    stream: str, text: str, cuts: list[int], byte_cuts: list[int], style: str, names: Names
) -> None:
    check(stream, text, pieces_of(text, [at % (len(text) + 1) for at in cuts]), byte_cuts, style, names)


@settings(max_examples=200)
@given(text=texts, cuts=places, names=st.sampled_from(COMBINATIONS))
def test_what_is_counted_does_not_depend_on_the_cuts_either(text: str, cuts: list[int], names: Names) -> None:
    told = []
    for pieces in ([text], pieces_of(text, [at % (len(text) + 1) for at in cuts]), list(text)):
        shares = streamed(rules_of(names), map(Text, pieces))[1].steps.items()
        told.append({step: (each.edits, each.would_edit, each.at_bound) for step, each in shares})
    assert told.count(told[0]) == len(told)


@pytest.mark.parametrize("names", [tuple(MADE), ("personal",)], ids="+".join)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("stream", ["kapa", "deltas", "tokens"])
def test_a_stream_may_be_cut_at_every_byte(stream: str, style: str, names: Names) -> None:
    kind = STREAMS[stream]
    raw = kind.write(pieces_of(SAMPLE, range(0, len(SAMPLE), 11)), style)
    expected = kind.read(pump_now([raw], kind.codec(), rules_of(names)))
    assert expected[0] == held(rules_of(names), SAMPLE)
    for at in range(1, len(raw), 5 if style == "escapes" else 1):  # five and six: every place within an escape
        assert kind.read(pump_now([raw[:at], raw[at:]], kind.codec(), rules_of(names))) == expected
    assert kind.read(pump_now(bytes_cut(raw, range(len(raw))), kind.codec(), rules_of(names))) == expected


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("stream", STREAMS)
def test_a_text_may_be_cut_over_records_at_every_letter(stream: str, style: str) -> None:
    for at in range(len(SAMPLE) + 1):
        check(stream, SAMPLE, pieces_of(SAMPLE, [at]), (), style, tuple(MADE))
    check(stream, SAMPLE, list(SAMPLE), (), style, tuple(MADE))


def read_prefix(stream: str, sent: bytes) -> tuple[str, str]:
    """The text and the rest of what a client has got so far, which are whole records."""
    if stream in ("kapa", "widget"):
        chunks = [json.loads(each)["chunk"] for each in sent.split(SEPARATOR)[:-1]]
        said = [each["content"].pop("text") for each in chunks if each["type"] == "partial_answer"]
        return "".join(said), json.dumps(chunks, ensure_ascii=False)
    if stream == "tokens":
        return read_tokens(sent)[0], ""
    said_so_far, (others, _) = read_deltas(sent)
    return said_so_far, json.dumps(others, ensure_ascii=False)


@pytest.mark.parametrize("stream", STREAMS)
@settings(max_examples=60)
@given(text=texts, cuts=places, style=st.sampled_from(STYLES))
def test_no_prefix_that_was_sent_holds_what_is_forbidden(stream: str, text: str, cuts: list[int], style: str) -> None:
    kind, sent = STREAMS[stream], b""
    text, names = f"{text} {SAMPLE}", ("personal", "terms", "code")
    raw, expected = (
        kind.write(pieces_of(text, [at % (len(text) + 1) for at in cuts]), style),
        held(rules_of(names), text),
    )
    codec = kind.codec()
    for piece in asyncio.run(pumped(bytes_cut(raw, cuts), codec, rules_of(names))):
        sent += piece
        said, rest = read_prefix(stream, sent)
        assert expected.startswith(said)
        assert not [word for word in FORBIDDEN if word in said + rest and word not in expected]


# --- JSON, and messages that are whole


@dataclass(frozen=True)
class Body:
    """A kind of JSON with a text in each of its places, and the kind of each of these texts."""

    value: Callable[[str], Any]
    codec: Callable[[], Codec]
    kinds: tuple[TextKind, ...]


def message(text: str) -> Any:
    blocks = [{"type": "text", "text": text}, {"type": "image", "data": "aGk=", "mimeType": "image/png"}]
    linked = {"type": "resource_link", "uri": "https://docs.example/a?b=1", "name": "n", "description": text}
    return {"jsonrpc": "2.0", "id": 7, "result": {"content": [*blocks, linked], "structuredContent": {"x": text}}}


BODIES = {
    "retrieval": Body(lambda t: [{"source_url": "https://d/1?x=a@b", "content": t}], PassagesCodec, ("passage",)),
    "documents": Body(
        lambda t: {"results": [{"document_id": IDS["thread_id"], "title": t, "content": t, "n": 1.5}], "page": 1},
        PassagesCodec,
        ("title", "passage"),
    ),
    "threads": Body(
        lambda t: {"results": [{"question": t, "answer": t, "created_at": "2026-01-01T00:00:00Z"}], "next_cursor": "c"},
        ListingCodec,
        ("question", "answer"),
    ),
    "clusters": Body(
        lambda t: {"clusters": [{"title": t, "summary": t, "question_answers": [{"question": t}]}], "page": 1},
        ListingCodec,
        ("title", "passage", "question"),
    ),
    "errors": Body(lambda t: {"detail": t, "code": 12345}, lambda: ErrorCodec(400, "k" * 30), ("other",)),
    "records": Body(lambda t: [t, {"x": [t, None, 5]}], RecordsCodec, ("other", "other")),
    "fields": Body(
        lambda t: {"notes": [{"text": t}], "other": CARD, "n": 1},
        lambda: FieldsCodec({parse_field_path("notes[].text"): "comment"}),
        ("comment",),
    ),
    "mcp": Body(message, McpBody, ("passage", "other", "other")),
    "mcp events": Body(message, lambda: McpEvents([7]), ("passage", "other", "other")),
}  # fmt: skip


def wire_of(name: str, value: Any, style: str) -> bytes:
    raw = written(value, style)
    if name == "records":
        return raw + SEPARATOR
    return b"event: message\r\nid: 3\r\ndata: " + raw + b"\r\n\r\n" if name == "mcp events" else raw


def value_in(name: str, out: bytes) -> Any:
    if name == "mcp events":
        (event,) = read_events(out)
        assert (event.name, event.id) == ("message", "3")
        return json.loads(event.data or "")
    return json.loads(out.removesuffix(SEPARATOR))


def filled(name: str, kinds: Sequence[str]) -> Any:
    """The value with one text in each place, in order."""
    following = iter(kinds)

    def fill(value: Any) -> Any:
        if value == "\0":
            return next(following)
        if isinstance(value, dict):
            return {key: fill(each) for key, each in value.items()}
        return [fill(each) for each in value] if isinstance(value, list) else value

    return fill(BODIES[name].value("\0"))


def check_body(name: str, text: str, cuts: Iterable[int], style: str, names: Names) -> None:
    body = BODIES[name]
    raw = wire_of(name, filled(name, [text] * len(body.kinds)), style)
    out = pump_now(bytes_cut(raw, cuts), body.codec(), rules_of(names))
    assert value_in(name, out) == filled(name, [whole(text, kind, names) for kind in body.kinds])


@pytest.mark.parametrize("name", BODIES)
@settings(max_examples=60)
@given(text=texts, cuts=places, style=st.sampled_from(STYLES), names=st.sampled_from(COMBINATIONS))
def test_each_text_of_a_value_is_edited_as_a_whole_and_nothing_else_changes(
    name: str, text: str, cuts: list[int], style: str, names: Names
) -> None:
    check_body(name, text, cuts, style, names)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["records", "mcp events", "threads", "errors"])
def test_a_value_may_be_cut_at_every_byte(name: str, style: str) -> None:
    body = BODIES[name]
    for at in range(1, len(wire_of(name, filled(name, [SAMPLE] * len(body.kinds)), style)), 7):
        check_body(name, SAMPLE, [at], style, ("personal", "terms"))


@settings(max_examples=80)
@given(text=texts, cuts=places, style=st.sampled_from(STYLES), names=st.sampled_from(COMBINATIONS))
def test_a_chat_that_is_one_object_says_what_its_stream_says(
    text: str, cuts: list[int], style: str, names: Names
) -> None:
    value = {"answer": text, **IDS, "is_uncertain": True, "relevant_sources": SOURCES}
    out = json.loads(pump_now(bytes_cut(written(value, style), cuts), ChatJsonCodec(), rules_of(names)))
    streamed = read_records(pump_now([kapa([text], "raw")], RecordsCodec(), rules_of(names)))
    assert out == {**value, "answer": streamed[0]}
