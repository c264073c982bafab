"""State in this process's memory: bounded, and gone with the process.

A bucket that is full again is the same as one that was never seen, so forgetting it costs nothing. A heap holds one
note per bucket, `(when it should be full, key)`. Taking from a known bucket leaves its note as it is (constant time);
a note that turns out too early is corrected when it comes to the top. Where there are many, each new bucket first
forgets what is full again; a few are kept, as they would be made anew at once. At the bound, when every bucket still
limits, the one that would be full soonest is forgotten: it forgives least, and a flood of new keys forgets its own
before those that are deep in debt.
"""

from __future__ import annotations

from collections.abc import Coroutine
from heapq import heappop, heappush, heapreplace
from typing import Any

from kapagate.chain.clock import Clock
from kapagate.traffic.buckets import Buckets
from kapagate.traffic.gcra import Quota, take
from kapagate.traffic.rate import Rate

_FEW = 64
_MOST_LOOKS = 64  # notes looked at for one new bucket, so that no caller waits for the corrections of all


class MemoryBuckets:
    """Rate-limit buckets on the monotonic clock: a jump of the wall clock frees no limit.

    At most `capacity` buckets. With more than 64 outdated notes in front, the bound may forget a bucket out of turn.
    """

    def __init__(self, clock: Clock, capacity: int = 100_000) -> None:
        self._clock = clock
        self._capacity = capacity
        self._few = min(_FEW, capacity)
        self._tats: dict[tuple[str, ...], float] = {}
        self._notes: list[tuple[float, tuple[str, ...]]] = []

    def scoped(self, prefix: str) -> Buckets:
        return _Scope(self, (prefix,))

    async def take(self, key: tuple[str, ...], rate: Rate, burst: int, cost: int = 1) -> Quota:
        now = self._clock.monotonic()
        known = self._tats.get(key)
        tat, quota = take(now if known is None else known, now, rate, burst, cost)
        if known is None:
            if len(self._tats) >= self._few:
                self._make_room(now)
            heappush(self._notes, (tat, key))
        self._tats[key] = tat
        return quota

    def __len__(self) -> int:
        return len(self._tats)

    def _make_room(self, now: float) -> None:
        for _ in range(_MOST_LOOKS):
            if not self._notes:
                return
            noted, key = self._notes[0]
            tat = self._tats[key]
            if tat > noted:
                heapreplace(self._notes, (tat, key))
            elif tat <= now or len(self._tats) >= self._capacity:
                self._forget_first()
            else:
                return
        if len(self._tats) >= self._capacity:
            self._forget_first()

    def _forget_first(self) -> None:
        del self._tats[heappop(self._notes)[1]]


class _Scope:
    """Buckets whose keys begin with a prefix."""

    __slots__ = ("_buckets", "_prefix")

    def __init__(self, buckets: MemoryBuckets, prefix: tuple[str, ...]) -> None:
        self._buckets = buckets
        self._prefix = prefix

    def scoped(self, prefix: str) -> Buckets:
        return _Scope(self._buckets, (*self._prefix, prefix))

    def take(self, key: tuple[str, ...], rate: Rate, burst: int, cost: int = 1) -> Coroutine[Any, Any, Quota]:
        return self._buckets.take(self._prefix + key, rate, burst, cost)
