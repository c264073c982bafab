"""What an MCP server answers: one JSON value, or an event stream with a message in each event.

    event: message
    id: 7
    data: {"jsonrpc":"2.0","id":1,"result":{...}}

A message is whole, so each of its texts is guarded whole, and an event leaves as soon as it is complete. Events without
data (they tell an id, from which the stream may be resumed) and comments (they keep the connection open) leave as they
are, comments without their words, and ids that are more than a word not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from kapagate.answer.codec import Garbled
from kapagate.answer.document import Unacceptable
from kapagate.answer.event_stream import EventReader, StreamEvent, in_one_line, written
from kapagate.answer.events import Event, Other, Record
from kapagate.answer.json_body import JsonBody
from kapagate.answer.places import is_for_machines
from kapagate.kapa.mcp import told
from kapagate.kapa.rpc import FAILED, Id, error

_NAMES = frozenset({"", "message"})


class McpBody(JsonBody):
    """One message, or a batch of them."""

    def __init__(self) -> None:
        super().__init__(told)


class Nothing(JsonBody):
    """What stands where there should be nothing: it is left out."""

    def __init__(self) -> None:
        super().__init__(told)

    def end(self) -> Iterable[Event]:
        return ()

    def finish(self, events: Iterable[Event]) -> bytes:
        return b""


class McpEvents:
    """One stream. `ids` are those of the requests that it answers; none where the server speaks by itself."""

    whole = False
    dropped = 0

    def __init__(self, ids: Sequence[Id] = ()) -> None:
        self._open = list(ids)
        self._reader = EventReader()

    def decode(self, chunk: bytes) -> Iterable[Event]:
        return map(_read, self._reader.feed(chunk))

    def end(self) -> Iterable[Event]:
        return map(_read, self._reader.end())

    def encode(self, events: Iterable[Event]) -> bytes:
        return b"".join(self._written(event) for event in events if isinstance(event, Record))

    def finish(self, events: Iterable[Event]) -> bytes:
        return self.encode(events)

    def failure(self, reason: str) -> bytes | None:
        """An error for every request that has no answer yet."""
        return b"".join(map(_told, (error(each, FAILED, reason) for each in self._open))) or None

    def _written(self, record: Record) -> bytes:
        event: StreamEvent = record.envelope
        if not event.data:
            return written(event)
        for name in _answered(record.value):
            if name in self._open:
                self._open.remove(name)
        return written(event._replace(data=in_one_line(record.value)))


def _read(event: StreamEvent) -> Event:
    if event.name not in _NAMES:
        raise Garbled("an event has a name that MCP does not know")
    retry = event.retry if event.retry and event.retry.isdigit() else None
    name = event.id if event.id is not None and is_for_machines(event.id) else None
    event = event._replace(comments=("",) * len(event.comments), retry=retry, id=name)
    if not event.data:
        return Other(None, (), event)
    try:
        message = orjson.loads(event.data)
        return Other(message, tuple(told(message)), event)
    except (orjson.JSONDecodeError, Unacceptable) as cause:
        raise Garbled("an event is not a message that can be guarded") from cause


def _answered(value: Any) -> Iterator[Any]:
    for message in value if isinstance(value, list) else [value]:
        if isinstance(message, dict) and "method" not in message:
            yield message.get("id")


def _told(message: dict[str, Any]) -> bytes:
    return written(StreamEvent(orjson.dumps(message).decode(), "message"))
