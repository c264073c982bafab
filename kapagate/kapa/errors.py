"""Codec of Kapa's errors and acknowledgements: JSON that does not name our key passes, all else is told neutrally."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import orjson

from kapagate.answer.document import TooDeep
from kapagate.answer.events import Event
from kapagate.answer.json_body import JsonBody
from kapagate.answer.places import places_in
from kapagate.kapa.texts import NAMES

BYTES: Final = 64 * 1024


class ErrorCodec(JsonBody):
    """One `Other` record: Kapa's own JSON object, or `{"detail": ...}` in place of HTML, our key, or too much of it."""

    def __init__(self, status: int, api_key: str) -> None:
        super().__init__(partial(places_in, names=NAMES))
        kind = "an error" if status >= 400 else "something that is not shown"
        self.neutral = {"detail": f"Kapa answered with {kind} (status {status})."}
        self._key = orjson.dumps(api_key)[1:-1]
        self._body = bytearray()

    def decode(self, chunk: bytes) -> Iterable[Event]:
        self._body += chunk[: BYTES + 1 - len(self._body)]
        return ()

    def end(self) -> Iterable[Event]:
        value = self.read(bytes(self._body))
        try:
            return self.events_of(value)
        except TooDeep:
            return self.events_of(self.neutral)

    def read(self, body: bytes) -> Any:
        """What is told of the body."""
        if len(body) > BYTES:
            return self.neutral
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            return self.neutral
        # Written again, the key has one spelling, however the upstream escaped it.
        return value if isinstance(value, dict) and self._key not in orjson.dumps(value) else self.neutral
