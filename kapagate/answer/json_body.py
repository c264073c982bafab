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
    """One `Other` record with the whole value; `places` names its texts. Subclasses see more events in it."""

    whole = True
    dropped = 0

    def __init__(self, places: Places) -> None:
        self._places = places
        self._chunks: list[bytes] = []
        self._events: list[Event] = []

    def decode(self, chunk: bytes) -> Iterable[Event]:
        self._chunks.append(chunk)
        return ()

    def end(self) -> Iterable[Event]:
        try:
            return self.events_of(orjson.loads(b"".join(self._chunks)))
        except (orjson.JSONDecodeError, Unacceptable) as cause:
            raise Garbled("the body is not JSON that can be guarded") from cause
        finally:
            self._chunks.clear()

    def encode(self, events: Iterable[Event]) -> bytes:
        self._events.extend(events)
        return b""

    def finish(self, events: Iterable[Event]) -> bytes:
        return orjson.dumps(self.value_of([*self._events, *events]))

    def failure(self, reason: str) -> bytes | None:
        """None: nothing has left before the end, so a refusal can be a whole one."""
        return None

    def events_of(self, value: Any) -> list[Event]:
        return [Other(value, tuple(self._places(value)))]

    def value_of(self, events: list[Event]) -> Any:
        """What is written: the value, or null when a rule dropped it."""
        return next((event.value for event in events if isinstance(event, Other)), None)
