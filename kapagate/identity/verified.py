"""Credentials that were verified a moment ago."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Generic, TypeVar

from kapagate.chain.clock import Clock

T = TypeVar("T")


def fingerprint(credential: bytes) -> bytes:
    """The SHA-256 of exactly these bytes; the credential itself is not kept."""
    return hashlib.sha256(credential).digest()


class Verified(Generic[T]):
    """What verifying a credential gave, by its fingerprint.

    An entry ends when the credential itself does (wall time) and after five minutes (monotonic), whichever comes
    first; the least recently used one makes room.
    """

    def __init__(self, clock: Clock, capacity: int = 4096, keep: float = 300.0) -> None:
        self._clock = clock
        self._capacity = capacity
        self._keep = keep
        self._entries: OrderedDict[bytes, tuple[T, float, float]] = OrderedDict()

    def get(self, mark: bytes) -> T | None:
        entry = self._entries.get(mark)
        if entry is None:
            return None
        value, expires, ends = entry
        if self._clock.wall() >= expires or self._clock.monotonic() >= ends:
            del self._entries[mark]
            return None
        self._entries.move_to_end(mark)
        return value

    def put(self, mark: bytes, value: T, expires: float) -> None:
        """Keeps `value` until `expires` (Unix seconds) at the latest."""
        self._entries[mark] = (value, expires, self._clock.monotonic() + self._keep)
        self._entries.move_to_end(mark)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)
