"""Codec of an answer that is one JSON value: read and written once, at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from kapagate.answer.codec import Garbled
from kapagate.answer.document import Unacceptable
from kapagate.answer.events import Event, Other, Place

Places = Callable[[Any], Iterable[Place]]


class JsonBody:
    """One `Other` record with the whole value; `places` names its texts. Subclasses see more events in it.

    When the events that leave are those that were read, the value is written as it was read, not put together again.
    """

    whole = True
    dropped = 0

    def __init__(self, places: Places) -> None:
        self._places = places
        self._chunks: list[bytes] = []
        self._value: Any = None
        self._given: list[Event] | None = None
        self._events: list[Event] = []

    def decode(self, chunk: bytes) -> Iterable[Event]:
        self._chunks.append(chunk)
        return ()

    def end(self) -> Iterable[Event]:
        try:
            self._value = orjson.loads(b"".join(self._chunks))
            self._given = self.events_of(self._value)
        except (orjson.JSONDecodeError, Unacceptable) as cause:
            raise Garbled("the body is not JSON that can be guarded") from cause
        finally:
            self._chunks.clear()
        return self._given or ()

    def encode(self, events: Iterable[Event]) -> bytes:
        self._events.extend(events)
        return b""

    def finish(self, events: Iterable[Event]) -> bytes:
        said = [*self._events, *events]
        return orjson.dumps(self._value if said == self._given else self.value_of(said))

    def failure(self, reason: str) -> bytes | None:
        """None: nothing has left before the end, so a refusal can be a whole one."""
        return None

    def events_of(self, value: Any) -> list[Event]:
        return [Other(value, tuple(self._places(value)))]

    def value_of(self, events: list[Event]) -> Any:
        """What is written: the value, or null when a rule dropped it."""
        return next((event.value for event in events if isinstance(event, Other)), None)
