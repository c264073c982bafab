"""Ways to bring a forbidden text past the guards in what an upstream says: each is edited, refused, or left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kapagate.answer.codec import Codec, Garbled
from kapagate.answer.fields import PLAIN, FieldsCodec, parse_field_path
from kapagate.answer.rules import AnswerRules
from kapagate.answer.sse import SseCodec
from kapagate.guards.personal import PersonalData
from kapagate.guards.terms import BlockedTerms
from kapagate.kapa.chat_json import ChatJsonCodec
from kapagate.kapa.errors import ErrorCodec
from kapagate.kapa.listings import ListingCodec
from kapagate.kapa.mcp_answers import McpBody, McpEvents
from kapagate.kapa.passages import PassagesCodec
from kapagate.kapa.records import SEPARATOR, RecordsCodec
from kapagate.standin.specimens import SPECIMENS
from tests.answer.toys import pump_now

MAIL, CARD, TERM = SPECIMENS["email"], SPECIMENS["card"], "Project Falcon"
DIGITS = int(CARD.replace(" ", ""))
HALVES = CARD[:8], CARD[8:]


def record(kind: str, content: Any, end: bool = False, **more: Any) -> bytes:
    return json.dumps({"chunk": {"type": kind, "content": content, "stream_end": end}, **more}).encode() + SEPARATOR


def said(text: Any, end: bool = False, **more: Any) -> bytes:
    return record("partial_answer", {"text": text}, end, **more)


def sources(**source: Any) -> bytes:
    return record("relevant_sources", {"relevant_sources": [{"source_url": "https://docs.example", **source}]})


def raw(text: str) -> bytes:
    return text.encode() + SEPARATOR


def bare(members: str) -> bytes:
    """A piece of the answer as it is written: these members, and no frame."""
    return raw('{"chunk":{"type":"partial_answer","content":{' + members + "}}}")


RECORDS = {
    "two records": [said(HALVES[0]), said(HALVES[1])],
    "a record of another type between": [said(HALVES[0]), record("note", {"x": 1}), said(HALVES[1])],
    "an empty text between": [said(HALVES[0]), said(""), said(None), said(HALVES[1])],
    "sources between": [said(HALVES[0]), sources(title="x"), said(HALVES[1])],
    "a record without a text between": [said(HALVES[0]), record("partial_answer", {}), said(HALVES[1])],
    "text in the closing record": [said(HALVES[0]), said(HALVES[1], end=True)],
    "text behind the closing record": [record("identifiers", {"thread_id": "t"}, True), said(MAIL)],
    "no frame": [bare(f'"text":"{each}"') for each in HALVES],
    "no separator at the end": [said("x "), said(MAIL).removesuffix(SEPARATOR)],
    "the same key twice": [bare(f'"text":"{MAIL}","text":"x"')],
    "the same key twice, the other way": [bare(f'"text":"x","text":"{MAIL}"')],
    "a number as text": [said(DIGITS)],
    "lists as texts": [said([HALVES[0]]), said([HALVES[1]])],
    "an object as text": [said({"a": MAIL})],
    "a key": [record("table", {MAIL: 1})],
    "a key beside the frame": [said("x", **{MAIL: 1})],
    "a text beside the frame": [said("x", note=MAIL)],
    "a type": [record(MAIL, {"a": 1})],
    "a type with a term": [record(TERM, {"a": 1})],
    "stream_end": [raw(json.dumps({"chunk": {"type": "x", "content": {}, "stream_end": MAIL}}))],
    "an address that is none": [sources(source_url=f"ask {MAIL}")],
    "an address of another kind": [sources(source_url=f"mailto:{MAIL}")],
    "a list of addresses": [sources(source_url=[MAIL])],
    "a key of a source": [sources(**{MAIL: 1})],
    "is_uncertain": [record("metadata", {"is_uncertain": MAIL})],
    "an identifier": [record("identifiers", {"thread_id": MAIL}, True)],
    "a thread in an opening": [record("stream_start", {"thread_id": MAIL})],
    "what an agent does": [record("agent_activity_update", {"steps": [{"label": MAIL}]})],
    "an error": [record("error", {"reason": MAIL}, True)],
    "an error without its shape": [record("error", {"reason": [MAIL], MAIL: 1}, True)],
    "a bare string": [raw(json.dumps(MAIL))],
    "a bare list": [raw(json.dumps([[MAIL]]))],
    "escapes": [bare(f'"text":"{MAIL}"'.replace("@", "\\u0040"))],
    "invalid UTF-8": [said("x").replace(b'"x"', b'"\xff' + MAIL.encode() + b'"')],
    "half a pair": [bare(f'"text":"\\ud83d{MAIL}"')],
    "a byte order mark": [b"\xef\xbb\xbf" + said(MAIL)],
    "not JSON": [raw(MAIL)],
    "another format": [f"data: {MAIL}\n\n".encode()],
    "too long": [said("x" * 2**20 + MAIL)],
    "too deep": [raw('{"a":' * 80 + json.dumps(MAIL) + "}" * 80)],
}
CONTENT = parse_field_path("choices[].delta.content")


def delta(text: Any, **more: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}], **more}).encode() + b"\n\n"


EVENTS = {
    "two events": [delta(HALVES[0]), delta(HALVES[1])],
    "a comment between": [delta(HALVES[0]), b": x\n\n", delta(HALVES[1])],
    "an event without text between": [delta(HALVES[0]), b"data: {}\n\nevent: x\n\n", delta(HALVES[1])],
    "an empty text between": [delta(HALVES[0]), delta(""), delta(None), delta(HALVES[1])],
    "two ids in turns": [delta(HALVES[0], id="a"), delta("x", id="b"), delta(HALVES[1], id="a")],
    "a name": [b"event: " + MAIL.encode() + b"\n" + delta("x")],
    "a name with a term": [b"event: " + TERM.encode() + b"\n" + delta("x")],
    "an id": [b"id: " + MAIL.encode() + b"\n" + delta("x")],
    "a retry": [b"retry: " + MAIL.encode() + b"\n" + delta("x")],
    "marks without data": [f"id: {MAIL}\nevent: {MAIL}\nretry: {MAIL}\n\n".encode()],
    "a comment": [f": {MAIL}\n\n".encode()],
    "an unknown field": [f"{MAIL}: x\nfoo: {MAIL}\n{MAIL}\n".encode() + delta("x")],
    "a number as text": [delta(DIGITS)],
    "a list as text": [delta([MAIL])],
    "two choices": [b'data: {"choices":[{"delta":{"content":"a"}},{"delta":{"content":"%b"}}]}\n\n' % MAIL.encode()],
    "data over several lines": [b'data: {"choices":[{"delta":\r\ndata: {"content":"%b"}}]}\r\n\r\n' % MAIL.encode()],
    "lines that end in CR": [delta(MAIL).replace(b"\n", b"\r")],
    "CR, LF and CRLF": [b"data: x\r\r".replace(b"x", delta("x")[6:-2]), delta(MAIL).replace(b"\n", b"\r\n")],
    "behind DONE": [b"data: [DONE]\n\n", delta(MAIL)],
    "almost DONE": [b"data:  [DONE]\n\n", delta(MAIL)],
    "no empty line at the end": [delta(MAIL)[:-2]],
    "a declared text": [b'data: {"note":{"%b":["%b"]}}\n\n' % (MAIL.encode(), MAIL.encode())],
    "invalid UTF-8": [b"data: \xff" + MAIL.encode() + b"\n\n"],
    "invalid UTF-8 in a name": [b"event: \xff" + MAIL.encode() + b"\n" + delta("x")],
    "a byte order mark": [b"\xef\xbb\xbf" + delta(MAIL)],
    "a byte order mark later": [delta("x"), b"\xef\xbb\xbf" + delta(MAIL)],
    "too long": [b"data: " + b"x" * 2**20 + MAIL.encode() + b"\n\n"],
}
TOKENS = {
    "two events": [f"data: {each}\n\n".encode() for each in (CARD[:8], CARD[8:])],
    "a letter each": [f"data: {each or ' '}\n\n".encode() for each in MAIL],
    "two names in turns": [
        f"event: {name}\ndata: {text}\n\n".encode()
        for name, text in zip("aba", (HALVES[0], "x", HALVES[1]), strict=True)
    ],
    "an id between": [f"id: {at}\ndata: {text}\n\n".encode() for at, text in enumerate(HALVES)],
    "a name": [f"event: {MAIL}\ndata: x\n\n".encode()],
    "a line in the middle": [f"data: a\ndata: {MAIL}\ndata\n\n".encode()],
}


def message(**members: Any) -> Any:
    return {"jsonrpc": "2.0", "id": 1, **members}


def block(**members: Any) -> Any:
    return message(result={"content": [{"type": "text", "text": "x", **members}]})


MESSAGES = {
    "a text": block(text=MAIL),
    "a key": message(result={"structuredContent": {MAIL: 1}}),
    "an id": {**message(result={}), "id": MAIL},
    "a version": {**message(result={}), "jsonrpc": MAIL},
    "a method": {"jsonrpc": "2.0", "method": MAIL},
    "a member": message(result={}, **{MAIL: MAIL}),
    "data of a text": block(data=MAIL),
    "a name": block(name=MAIL),
    "a type": block(type=MAIL),
    "an address": block(uri=f"mailto:{MAIL}"),
    "bytes": message(result={"contents": [{"uri": "x", "blob": MAIL}]}),
    "a cursor": message(result={"nextCursor": f"{MAIL}"}),
    "a server's name": message(result={"serverInfo": {"name": MAIL, "version": MAIL}}),
    "an error": message(error={"code": 1, "message": MAIL, "data": {MAIL: MAIL}}),
    "a notification": {"jsonrpc": "2.0", "method": "x", "params": {"level": MAIL, "logger": MAIL, "data": MAIL}},
    "a question of the server": {"jsonrpc": "2.0", "id": 5, "method": "x", "params": {"message": MAIL, MAIL: 1}},
    "a string": MAIL,
    "a batch with a string": [message(result={}), MAIL],
}
BODIES: dict[str, tuple[Callable[[], Codec], Any]] = {
    "a number as answer": (ChatJsonCodec, {"answer": DIGITS}),
    "a list as answer": (ChatJsonCodec, {"answer": [MAIL]}),
    "a key of an answer": (ChatJsonCodec, {"answer": "x", MAIL: 1, "thread_id": MAIL}),
    "an answer without its text": (ChatJsonCodec, {"result": MAIL}),
    "a key of a passage": (PassagesCodec, [{"content": "x", "meta": {MAIL: MAIL}}]),
    "an address of a passage": (PassagesCodec, [{"content": "x", "source_url": f"ask {MAIL}"}]),
    "what machines read in lists": (
        ListingCodec,
        {"results": [dict.fromkeys(("type", "created_at", "session_token"), MAIL)], "next_cursor": MAIL},
    ),
    "an error's key": (lambda: ErrorCodec(400, "k" * 20), {"detail": {MAIL: ["x"]}}),
    "a declared field's key": (lambda: FieldsCodec({("notes",): "other"}), {"notes": {MAIL: 1}}),
    "a number as running text": (lambda: FieldsCodec({}, [("answer",)]), {"answer": DIGITS}),
}


def check(codec: Codec, pieces: list[bytes]) -> None:
    rules = [AnswerRules("guard", texts=(PersonalData(), BlockedTerms([TERM])))]
    try:
        out = pump_now(pieces, codec, rules).decode()
    except Garbled:
        return
    texts = [out, out.replace("\\u241e", ""), "".join(json.dumps(out))]
    for forbidden in (MAIL, CARD, str(DIGITS), TERM, HALVES[1]):
        assert not [text for text in texts if forbidden in text]


@pytest.mark.parametrize("name", RECORDS)
def test_nothing_is_smuggled_through_kapas_records(name: str) -> None:
    check(RecordsCodec(), RECORDS[name])
    check(RecordsCodec(), [b"".join(RECORDS[name])])


@pytest.mark.parametrize("name", EVENTS)
def test_nothing_is_smuggled_through_events_of_json(name: str) -> None:
    for pieces in (EVENTS[name], [b"".join(EVENTS[name])]):
        check(SseCodec({parse_field_path("note"): "other"}, [CONTENT]), pieces)


@pytest.mark.parametrize("name", TOKENS)
def test_nothing_is_smuggled_through_events_of_plain_text(name: str) -> None:
    for pieces in (TOKENS[name], [b"".join(TOKENS[name])]):
        check(SseCodec({}, [PLAIN]), pieces)


@pytest.mark.parametrize("name", MESSAGES)
def test_nothing_is_smuggled_through_messages(name: str) -> None:
    body = json.dumps(MESSAGES[name]).encode()
    check(McpBody(), [body])
    for before in (
        b"",
        b"event: message\n",
        f"id: {MAIL}\n".encode(),
        f": {MAIL}\n".encode(),
        f"retry: {MAIL}\n".encode(),
    ):
        check(McpEvents([1]), [before + b"data: " + body + b"\n\n"])
    check(McpEvents([1]), [f"event: {MAIL}\n".encode() + b"data: " + body + b"\n\n"])


@pytest.mark.parametrize("name", BODIES)
def test_nothing_is_smuggled_through_json(name: str) -> None:
    codec, value = BODIES[name]
    check(codec(), [json.dumps(value).encode()])
