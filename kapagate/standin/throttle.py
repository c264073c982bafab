"""Kapa's own limit: so many chats a minute per key, whoever shares it."""

from __future__ import annotations

import math
from collections import defaultdict, deque

from kapagate.standin.errors import failed

CHATS = 20
"""What Kapa is said to allow."""
_WINDOW = 60.0


class Throttle:
    """`limit` calls within any minute per key; None: as many as come. Refused calls do not count."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._taken: defaultdict[str, deque[float]] = defaultdict(deque)

    def take(self, key: str, now: float) -> None:
        """Counts a call; `now` in seconds that never go back. Raises KapaError (429)."""
        if self._limit is None:
            return
        taken = self._taken[key]
        while taken and taken[0] <= now - _WINDOW:
            taken.popleft()
        if len(taken) >= self._limit:
            raise failed(429, math.ceil(taken[0] + _WINDOW - now) if taken else math.ceil(_WINDOW))
        taken.append(now)
