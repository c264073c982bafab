"""Codec of event streams whose texts are declared: the deltas of a model, tokens as plain text, news.

    data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}
    data: {"id":"c1","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}
    data: [DONE]

The data of an event is JSON; or plain text, all of it running text, where the policy says so (`PLAIN`). Running text is
cut anew, so it leaves in events of our own. They look like those that it came in: each `Text` goes into the *frame* in
force, the value of an event without its text. Where events differ in more than their text, a record of ours stands
before the text and turns the frame (another block of the answer), and what comes into the frame only now (why the
answer ended, figures, an id) follows the text, in an event of its own whose text is empty. For readers stop at it.

Declared texts beside the running one, in comments too, are guarded whole; so are the names of events, and ids that are
more than a word. `[DONE]` closes a stream.

A client may put together what is told under one name, id or index, and pass over the rest. Running text that comes back
to one that it had left would be another text for that client than it was here, so it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from kapagate.answer.codec import Garbled
from kapagate.answer.document import Unacceptable, replaced_at
from kapagate.answer.event_stream import EventReader, StreamEvent, in_one_line, written
from kapagate.answer.events import Event, Other, Path, Place, Text, TextKind
from kapagate.answer.fields import PLAIN, FieldPath, places_of, running_in
from kapagate.answer.places import is_for_machines

DONE: Final = "[DONE]"
_TELLS: Final = re.compile(r"(?:.*_)?(?:id|index)|.*[a-z](?:Id|Index)")
_STATUS: Final = frozenset({"finish_reason", "stop_reason"})
_COMMENT: Final = object()
_ID: Final = object()
_WHOLE_TEXT: Final = (Place((), "other"),)
_MOST_NAMES: Final = 64
_VOICES_KEPT: Final = 1024
Voice = tuple[Any, ...]


class Frame(NamedTuple):
    """What a piece of running text stands in: the event's name, its value without the text, and the text's place.

    `value` None: the data is the text.
    """

    name: str = ""
    value: Any = None
    path: Path = ()

    def around(self, text: str) -> bytes:
        data = text if self.value is None else in_one_line(replaced_at(self.value, self.path, text))
        return written(StreamEvent(data, self.name))


class _Said(NamedTuple):
    """Envelope: the event as it came, and whether its data is JSON."""

    event: StreamEvent
    json: bool = False


class _Name(NamedTuple):
    """Envelope of a record that is an event's name, before the first event of that name: as it came."""

    name: str


class SseCodec:
    """One stream. `fields` are the texts that are guarded whole in each event, `running` where the running text is."""

    whole = False

    def __init__(self, fields: Mapping[FieldPath, TextKind], running: Sequence[FieldPath]) -> None:
        self.dropped = 0
        self._fields = fields
        self._running = running
        self._plain = PLAIN in running
        self._reader = EventReader()
        self._closed = False
        self._read: Frame | None = None
        self._bare = False
        self._written = Frame() if self._plain else Frame("", {"text": ""}, ("text",))
        self._closing = b""
        self._named: set[str] = set()
        self._names: dict[str, str] = {"": ""}
        self._id = ""
        self._voice: Voice | None = None
        self._left: dict[Voice, None] = {}

    def decode(self, chunk: bytes) -> Iterable[Event]:
        for event in self._reader.feed(chunk):
            yield from self._events(event)

    def end(self) -> Iterable[Event]:
        for event in self._reader.end():
            yield from self._events(event)

    def encode(self, events: Iterable[Event]) -> bytes:
        return b"".join(map(self._encoded, events))

    def finish(self, events: Iterable[Event]) -> bytes:
        return self.encode(events) + self._closing

    def failure(self, reason: str) -> bytes | None:
        """An event named `error`; where data is JSON, with the object that readers of deltas look for."""
        data = reason if self._plain else orjson.dumps({"error": {"message": reason}}).decode()
        return written(StreamEvent(data, "error"))

    def _events(self, event: StreamEvent) -> Iterator[Event]:
        if self._closed:
            self.dropped += 1
            return
        for comment in event.comments:
            yield Other(comment, _WHOLE_TEXT, _COMMENT)
        if event.name and event.name not in self._named:
            yield self._new_name(event.name)
        if event.id is not None and not is_for_machines(event.id):
            yield Other(event.id, _WHOLE_TEXT, _ID)
        data = event.data
        if data is not None and data != DONE:
            yield from self._plain_text(event, data) if self._plain else self._json(event, data)
            return
        self._closed = data is not None
        if self._closed or _is_marked(event):
            yield Other(data, (), _Said(event))

    def _plain_text(self, event: StreamEvent, text: str) -> Iterator[Event]:
        if not text:
            yield Other("", (), _Said(event))
            return
        self._hear((event.name,))
        yield from self._turned(Frame(event.name))
        yield Text(text)
        if _is_marked(event):
            yield Other(None, (), _Said(event._replace(name="")))

    def _json(self, event: StreamEvent, data: str) -> Iterator[Event]:
        try:
            value = orjson.loads(data)
            path, text = running_in(value, self._running) or ((), "")
            rest = replaced_at(value, path, "") if text else value
            places = places_of(rest, self._fields)
            frame = self._frame_of(Frame(event.name, rest, path), bool(places)) if text else None
        except (orjson.JSONDecodeError, Unacceptable, RecursionError) as cause:
            raise Garbled("an event is not JSON that can be guarded") from cause
        if frame is None:
            yield Other(value, places, _Said(event, json=True))
            return
        self._hear(_voice_of(event.name, rest, path))
        yield from self._turned(frame)
        yield Text(text)
        if frame.value != rest or _is_marked(event):
            yield Other(rest, places, _Said(event, json=True))

    def _frame_of(self, told: Frame, has_texts: bool) -> Frame:
        """What the running text of an event stands in: the least there is where other texts are beside it."""
        before, goes_on = self._read, not self._bare
        self._bare = has_texts
        if has_texts:
            path = tuple(0 if isinstance(key, int) else key for key in told.path)
            return Frame(told.name, _skeleton(path), path)
        if before is None or (before.name, before.path) != (told.name, told.path) or not goes_on:
            return told._replace(value=_without_status(told.value))
        return told._replace(value=_framed(before.value, told.value))

    def _new_name(self, name: str) -> Other:
        if len(self._named) >= _MOST_NAMES:
            raise Garbled("events have too many names")
        self._named.add(name)
        return Other(name, _WHOLE_TEXT, _Name(name))

    def _hear(self, voice: Voice) -> None:
        """Raises Garbled when running text comes back to a voice that it had left."""
        before, self._voice = self._voice, voice
        if before is None or before == voice:
            return
        if voice in self._left:
            raise Garbled("several running texts take turns")
        if len(self._left) >= _VOICES_KEPT:
            del self._left[next(iter(self._left))]
        self._left[before] = None

    def _turned(self, frame: Frame) -> Iterator[Event]:
        if frame != self._read:
            self._read = frame
            yield Other(None, (), frame)

    def _encoded(self, event: Event) -> bytes:
        if isinstance(event, Text):
            return self._written.around(event.text) if event.text else b""
        envelope = event.envelope
        if isinstance(envelope, Frame):
            self._written = envelope._replace(name=self._names.get(envelope.name, ""))
            return b""
        if isinstance(envelope, _Name):
            self._names[envelope.name] = _word(event.value)
            return b""
        if envelope is _ID:
            self._id = _word(event.value)
            return b""
        if envelope is _COMMENT:
            return written(StreamEvent(comments=(event.value,)))
        said = envelope if isinstance(envelope, _Said) else _Said(StreamEvent(), json=True)
        data = in_one_line(event.value) if said.json else event.value
        encoded = written(self._marked(said.event)._replace(data=data, comments=()))
        if data != DONE:
            return encoded
        self._closing = encoded
        return b""

    def _marked(self, event: StreamEvent) -> StreamEvent:
        """The event with the name and id that are left of its own."""
        told = event.id if event.id is None or is_for_machines(event.id) else self._id
        retry = event.retry if event.retry and event.retry.isdigit() else None
        return event._replace(name=self._names.get(event.name, ""), id=told, retry=retry)


def _word(text: Any) -> str:
    """In one line, as it was."""
    return " ".join(str(text).split("\n"))


def _voice_of(name: str, value: Any, path: Path) -> Voice:
    """What a client tells running texts apart by: the event's name, and ids and indexes in the objects around it."""
    voice: list[Any] = [name]
    for key in path:
        if isinstance(value, dict):
            voice += [(each, told) for each, told in value.items() if _TELLS.fullmatch(each) and _is_scalar(told)]
        voice.append(key)
        value = value[key]
    return tuple(voice)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _is_marked(event: StreamEvent) -> bool:
    return event.id is not None or event.retry is not None


def _skeleton(path: Path) -> Any:
    """The least value with a text at `path`."""
    value: Any = ""
    for key in reversed(path):
        value = {key: value} if isinstance(key, str) else [value]
    return value


def _without_status(value: Any) -> Any:
    """The value as it is while the answer goes on."""
    if isinstance(value, dict):
        return {key: None if key in _STATUS else _without_status(each) for key, each in value.items()}
    return [_without_status(each) for each in value] if isinstance(value, list) else value


def _framed(before: Any, value: Any) -> Any:
    """The value, without what was not there before: members that are new, and what stands where null stood."""
    if isinstance(before, dict) and isinstance(value, dict):
        return {key: _framed(before[key], each) for key, each in value.items() if key in before}
    if isinstance(before, list) and isinstance(value, list) and len(before) == len(value):
        return [_framed(one, other) for one, other in zip(before, value, strict=True)]
    return None if before is None else value
