"""Event streams (WHATWG HTML, 9.2: `text/event-stream`), read however the bytes were cut, and written again.

    :comment            lines end with LF, CR or CRLF; a byte order mark may stand before the first
    event: name         fields of one event; several `data` lines are one text with LF between them
    id: 7
    data: first line
    data: second line
                        an empty line ends the event

A field that the standard does not name is left out, as every reader does. What stands behind the last empty line is
an event too: some readers take it, so it has to be looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from kapagate.answer.codec import Garbled

EVENT_BYTES = 2**20
_END = re.compile(rb"\r\n|\n|\r")
_LINE = re.compile(r"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_ESCAPES = tuple((chr(each).encode(), b"\\u%04x" % each) for each in (0x85, 0x2028, 0x2029))


class StreamEvent(NamedTuple):
    """`data` is None where no line has any, `name` is empty for the default; `comments` are those among its lines."""

    data: str | None = None
    name: str = ""
    id: str | None = None
    retry: str | None = None
    comments: tuple[str, ...] = ()


class EventReader:
    """The events of one stream."""

    __slots__ = ("_after_cr", "_comments", "_data", "_fields", "_first", "_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._first = True
        self._after_cr = False
        self._begin()

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """Events that this piece completes. Raises Garbled."""
        if self._after_cr and chunk[:1] == b"\n":
            chunk = chunk[1:]
            self._after_cr = False
        if not chunk:
            return
        self._after_cr = chunk.endswith(b"\r")
        *lines, rest = _END.split(chunk)
        if lines and self._parts:
            lines[0] = b"".join((*self._parts, lines[0]))
            self._parts.clear()
        for line in lines:
            if event := self._line(line):
                yield event
        if rest:
            self._grow(len(rest))
            self._parts.append(rest)

    def end(self) -> Iterator[StreamEvent]:
        """The event that nothing ended. Raises Garbled."""
        rest = b"".join(self._parts)
        self._parts.clear()
        for line in (rest, b""):
            if event := self._line(line):
                yield event
                return

    def _begin(self) -> None:
        self._data: list[str] = []
        self._fields: dict[str, str] = {}
        self._comments: list[str] = []
        self._size = 0

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > EVENT_BYTES:
            raise Garbled(f"an event is longer than {EVENT_BYTES} bytes")

    def _line(self, line: bytes) -> StreamEvent | None:
        """Takes a line without its end; the event, when the line is the empty one behind it."""
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if line:
            self._grow(len(line))
            self._field(line)
            return None
        data = "\n".join(self._data) if self._data else None
        event = StreamEvent(data, comments=tuple(self._comments), **self._fields)
        self._begin()
        return event if event != _NOTHING else None

    def _field(self, line: bytes) -> None:
        try:
            name, _, value = line.decode().partition(":")
        except UnicodeDecodeError as cause:
            raise Garbled("an event is not valid UTF-8") from cause
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif not name:
            self._comments.append(value)
        elif name == "event":
            self._fields["name"] = value
        elif name in ("id", "retry"):
            self._fields[name] = value


_NOTHING = StreamEvent()


def in_one_line(value: Any) -> str:
    """JSON without the characters at which some readers, against the standard, end a line."""
    said = orjson.dumps(value)
    if not said.isascii():
        for character, escape in _ESCAPES:
            said = said.replace(character, escape)
    return said.decode()


def written(event: StreamEvent) -> bytes:
    """The bytes of an event; of one that says nothing there are none."""
    lines = [f":{' ' if comment else ''}{part}" for comment in event.comments for part in _LINE.split(comment)]
    if event.name:
        lines.append(f"event: {event.name}")
    if event.id is not None:
        lines.append(f"id: {event.id}")
    if event.retry is not None:
        lines.append(f"retry: {event.retry}")
    if event.data is not None:
        lines += [f"data: {part}" for part in _LINE.split(event.data)]
    return ("\n".join(lines) + "\n\n").encode() if lines else b""
