"""Tokens that were verified a moment ago."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Generic, TypeVar

from kapagate.chain.clock import Clock

T = TypeVar("T")


def fingerprint(token: str) -> bytes:
    """The SHA-256 of the exact token; the token itself is not kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class VerifiedTokens(Generic[T]):
    """What verifying a token gave, by its fingerprint, for one scheme.

    An entry ends at the token's own `exp` (wall time) and after five minutes (monotonic), whichever comes first; the
    least recently used one makes room.
    """

    def __init__(self, clock: Clock, capacity: int = 4096, keep: float = 300.0) -> None:
        self._clock = clock
        self._capacity = capacity
        self._keep = keep
        self._entries: OrderedDict[bytes, tuple[T, float, float]] = OrderedDict()

    def get(self, token: bytes) -> T | None:
        entry = self._entries.get(token)
        if entry is None:
            return None
        value, expires, ends = entry
        if self._clock.wall() >= expires or self._clock.monotonic() >= ends:
            del self._entries[token]
            return None
        self._entries.move_to_end(token)
        return value

    def put(self, token: bytes, value: T, expires: float) -> None:
        """Keeps `value` until `expires` (Unix seconds) at the latest."""
        self._entries[token] = (value, expires, self._clock.monotonic() + self._keep)
        self._entries.move_to_end(token)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)
