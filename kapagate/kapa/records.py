"""Kapa's streams: JSON objects, each followed by the visible character U+241E (bytes E2 90 9E).

    {"chunk": {"type": T, "content": {...}, "stream_end": bool}}␞

T is `partial_answer` {text}, `relevant_sources` {relevant_sources: [...]}, `metadata` {is_uncertain}, `identifiers`
{thread_id, question_answer_id} or `error` {reason}. The one with `stream_end` closes the stream. What else clients do,
we rely on: they lose a last record without its separator, stop at a record that is not JSON, and pass over types
that they do not know. So every record leaves with its separator, U+241E inside a string leaves as an escape, and
nothing is ever written between records.

Text is cut anew, so it leaves in `partial_answer` records of our own. A record keeps the rest of its object (its
frame and keys that we do not know) as envelope; when the rest holds strings, they travel before the record as an
`Other` and are put together with it again. A piece of text with more in it than text leaves as two records: the
text, and the rest of it with an empty text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import orjson

from kapagate.answer.codec import Garbled
from kapagate.answer.document import Unacceptable, replaced_at, value_at
from kapagate.answer.events import Event, Failure, Identifiers, Other, Place, Record, Sources, Text, Uncertain
from kapagate.answer.places import places_in
from kapagate.kapa.texts import NAMES, SOURCE_KINDS, UNTOUCHED

SEPARATOR = "␞".encode()
RECORD_BYTES = 2**20
_ESCAPED = rb"\u241e"
_TYPE = ("chunk", "type")
_CONTENT = ("chunk", "content")
_CLOSES = ("chunk", "stream_end")
_FRAME = {"type", "content", "stream_end"}
_TYPES: dict[type[Record], tuple[str, str, bool]] = {
    Sources: ("relevant_sources", "relevant_sources", False),
    Uncertain: ("metadata", "is_uncertain", False),
    Failure: ("error", "reason", True),
    Identifiers: ("identifiers", "", True),
}
_KNOWN_TYPES = frozenset(
    ("partial_answer", "relevant_sources", "metadata", "error", "identifiers", "stream_start", "agent_activity_update")
)
_BEFORE_TEXT = b'{"chunk":{"type":"partial_answer","content":{"text":'
_BEHIND_TEXT = b'},"stream_end":false}}' + SEPARATOR
_IDENTIFIERS = ("thread_id", "question_answer_id")


class _Rest:
    """Envelope of an `Other` that is the rest of the record right behind it."""


class RecordsCodec:
    """One stream."""

    whole = False

    def __init__(self) -> None:
        self.dropped = 0
        self._buffer = bytearray()
        self._searched = 0
        self._closed = False
        self._rest: Any = None
        self._closing = b""

    def decode(self, chunk: bytes) -> Iterable[Event]:
        if self._buffer:
            chunk = self._joined(chunk)
        *records, rest = chunk.split(SEPARATOR)
        if rest:
            self._buffer += rest
            self._searched = max(0, len(rest) - len(SEPARATOR) + 1)
        if len(records) == 1:
            return self._events(records[0])
        return chain.from_iterable(map(self._events, records))  # each is read when those before it are through

    def end(self) -> Iterable[Event]:
        rest = bytes(self._buffer)
        self._buffer.clear()
        return self._events(rest)

    def encode(self, events: Iterable[Event]) -> bytes:
        return b"".join(map(self._encoded, events))

    def finish(self, events: Iterable[Event]) -> bytes:
        return self.encode(events) + self._closing

    def failure(self, reason: str) -> bytes | None:
        return _bytes(_frame("error", {"reason": reason}, True))

    def _joined(self, chunk: bytes) -> bytes:
        """What is kept and what has come, when that completes a record; else nothing, and all of it is kept."""
        self._buffer += chunk
        if self._buffer.find(SEPARATOR, self._searched) < 0:
            if len(self._buffer) > RECORD_BYTES:
                raise Garbled(f"a record is longer than {RECORD_BYTES} bytes")
            self._searched = max(0, len(self._buffer) - len(SEPARATOR) + 1)
            return b""
        joined = bytes(self._buffer)
        self._buffer.clear()
        return joined

    def _events(self, raw: bytes) -> Sequence[Event]:
        if not raw or raw.isspace():
            return ()
        if self._closed:
            self.dropped += 1
            return ()
        if len(raw) > RECORD_BYTES:
            raise Garbled(f"a record is longer than {RECORD_BYTES} bytes")
        try:
            record = orjson.loads(raw)
            if (text := _plain_text(record)) is not None:
                return (Text(text),)
            events = _events_of(record)
        except (orjson.JSONDecodeError, Unacceptable) as cause:
            raise Garbled("a record is not JSON that can be guarded") from cause
        self._closed = _closes(record)
        return events

    def _encoded(self, event: Event) -> bytes:
        if isinstance(event, Text):
            return _text_record(event.text) if event.text else b""
        if event.envelope is _Rest:
            self._rest = event.value
            return b""
        rest, self._rest = self._rest, None
        record = _record_of(event, rest)
        encoded = _bytes(record)
        if not _closes(record):
            return encoded
        self._closing = encoded
        return b""


def _plain_text(record: Any) -> str | None:
    """The text of a record that has nothing else in it and closes nothing, as nearly all are (a `match` is slower)."""
    chunk = record.get("chunk") if isinstance(record, dict) and len(record) == 1 else None
    if not isinstance(chunk, dict) or len(chunk) != 3 or chunk.get("type") != "partial_answer":
        return None
    content = chunk.get("content")
    if not isinstance(content, dict) or len(content) != 1 or chunk.get("stream_end") is not False:
        return None
    text = content.get("text")
    return text if isinstance(text, str) else None


def _events_of(record: Any) -> list[Event]:
    kind, content = value_at(record, _TYPE), value_at(record, _CONTENT)
    if not isinstance(kind, str) or not isinstance(content, dict):
        return [_other(record)]
    if kind == "partial_answer":
        if isinstance(text := content.get("text"), str):
            return [Text(text), *_beside_text(record, content)]
        if text is not None:
            raise Garbled("a piece of the answer is no text")  # clients would put together whatever it is
    event = _known(kind, content)
    return [_other(record)] if event is None else _with_rest(event, record)


def _known(kind: str, content: dict[str, Any]) -> Record | None:
    """The event of a record whose content has the shape that we know."""
    match kind, content:
        case "relevant_sources", {"relevant_sources": list(sources)}:
            return Sources(sources, places_in(sources, SOURCE_KINDS, UNTOUCHED, names=NAMES))
        case "metadata", {"is_uncertain": bool(uncertain)}:
            return Uncertain(uncertain)
        case "error", {"reason": str(reason)}:
            return Failure(reason, (Place((), "other"),))
        case "identifiers" | "stream_start", {"thread_id": str()} | {"question_answer_id": str()}:
            identifiers = {key: content[key] for key in _IDENTIFIERS if key in content}
            return Identifiers(identifiers, places_in(identifiers))
    return None


def _beside_text(record: Any, content: dict[str, Any]) -> list[Event]:
    """What a piece of text has beside its text."""
    if len(content) == 1 and len(record) == 1 and record["chunk"].keys() <= _FRAME and not _closes(record):
        return []
    emptied = replaced_at(record, (*_CONTENT, "text"), "")
    if isinstance(uncertain := content.get("is_uncertain"), bool):
        return _with_rest(Uncertain(uncertain), emptied)
    return [_other(emptied)]


def _with_rest(event: Record, record: Any) -> list[Event]:
    """The event with the rest of its record as envelope, or behind that rest when there are texts in it."""
    rest = {key: value for key, value in record["chunk"]["content"].items() if key not in _known_keys(event)}
    frame = replaced_at(record, _CONTENT, rest)
    other = _other(frame)
    if not other.places:
        return [type(event)(event.value, event.places, frame)]
    kind = record["chunk"]["type"]
    bare = _frame(kind, {"text": ""} if kind == "partial_answer" else {}, _closes(record))
    return [Other(frame, other.places, _Rest), type(event)(event.value, event.places, bare)]


def _record_of(event: Record, rest: Any) -> Any:
    if isinstance(event, Other):
        return event.value
    kind, key, closes = _TYPES[type(event)]
    frame = rest or event.envelope or _frame(kind, {}, closes)
    known = event.value if isinstance(event, Identifiers) else {key: event.value}
    return replaced_at(frame, _CONTENT, {**value_at(frame, _CONTENT), **known})


def _known_keys(event: Record) -> tuple[str, ...]:
    return _IDENTIFIERS if isinstance(event, Identifiers) else (_TYPES[type(event)][1],)


def _other(record: Any) -> Other:
    """A record whose every string and unknown key is a text, but for a type that clients know."""
    places = places_in(record, names=NAMES)
    known = value_at(record, _TYPE) in _KNOWN_TYPES
    return Other(record, tuple(place for place in places if place.path != _TYPE) if known else places)


def _closes(record: Any) -> bool:
    return value_at(record, _CLOSES) is True


def _frame(kind: str, content: dict[str, Any], closes: bool) -> dict[str, Any]:
    return {"chunk": {"type": kind, "content": content, "stream_end": closes}}


def _text_record(text: str) -> bytes:
    """`_bytes` of a frame that says nothing but this text: nearly all that is written."""
    said = orjson.dumps(text)
    if SEPARATOR in said:
        said = said.replace(SEPARATOR, _ESCAPED)
    return b"%b%b%b" % (_BEFORE_TEXT, said, _BEHIND_TEXT)


def _bytes(record: Any) -> bytes:
    return orjson.dumps(record).replace(SEPARATOR, _ESCAPED) + SEPARATOR
