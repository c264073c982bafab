"""State in this process's memory: bounded, and gone with the process.

A bucket that is full again is the same as one that was never seen, so forgetting it costs nothing. A heap holds one
note per bucket, `(when it should be full, key)`. Taking from a known bucket leaves its note as it is (constant time);
a note that turns out too early is corrected when it comes to the top. Where there are many, each new bucket first
forgets what is full again; a few are kept, as they would be made anew at once. At the bound, when every bucket still
limits, the one that would be full soonest is forgotten: it forgives least, and a flood of new keys forgets its own
before those that are deep in debt.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from heapq import heappop, heappush, heapreplace

from kapagate.chain.clock import Clock
from kapagate.chain.services import SHADOW
from kapagate.traffic.buckets import Key
from kapagate.traffic.gcra import Limit, Quota, take, take_all

_FEW = 64
_MOST_LOOKS = 64  # notes looked at for one new bucket, so that no caller waits for the corrections of all


class MemoryBuckets:
    """Rate-limit buckets on the monotonic clock: a jump of the wall clock frees no limit.

    At most `capacity` buckets over all scopes, and as many of shadows. With more than 64 outdated notes in front, the
    bound may forget a bucket out of turn.
    """

    def __init__(self, clock: Clock, capacity: int = 100_000) -> None:
        self._clock = clock
        self._capacity = capacity
        self._few = min(_FEW, capacity)
        self._prefix: Key = ()
        self._tats: dict[Key, float] = {}
        self._notes: list[tuple[float, Key]] = []
        self._shadows: tuple[dict[Key, float], list[tuple[float, Key]]] = ({}, [])

    def scoped(self, prefix: str) -> MemoryBuckets:
        """The same store under a prefix; the buckets of shadows are apart, and as many."""
        scope = copy(self)
        scope._prefix = (*self._prefix, prefix)
        if prefix.startswith(SHADOW):
            scope._tats, scope._notes = self._shadows
        return scope

    def key(self, *parts: str) -> Key:
        return self._prefix + parts

    async def take(self, key: Key, limit: Limit, cost: int = 1) -> Quota:
        now = self._clock.monotonic()
        known = self._tats.get(key)
        if known is not None:
            self._tats[key], quota = take(known, now, limit, cost)
            return quota
        tat, quota = take(now, now, limit, cost)
        self._remember(key, tat, now)
        return quota

    async def take_all(self, keys: Sequence[Key], limits: Sequence[Limit], cost: int = 1) -> Sequence[Quota]:
        now, tats = self._clock.monotonic(), self._tats
        taken = take_all([tats.get(key, now) for key in keys], now, limits, cost)
        quotas = [quota for _, quota in taken]
        if not any(retry_after for _, _, retry_after in quotas):
            for key, (tat, _) in zip(keys, taken, strict=True):
                if key in tats:
                    tats[key] = tat
                else:
                    self._remember(key, tat, now)
        return quotas

    def forget(self) -> None:
        """Every bucket is full again."""
        for each in (self._tats, self._notes, *self._shadows):
            each.clear()

    def __len__(self) -> int:
        return len(self._tats)

    def _remember(self, key: Key, tat: float, now: float) -> None:
        if len(self._tats) >= self._few:
            self._make_room(now)
        heappush(self._notes, (tat, key))
        self._tats[key] = tat

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
