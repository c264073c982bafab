"""The port to what remembers how much was taken."""

from __future__ import annotations

from typing import Protocol

from kapagate.traffic.gcra import Quota
from kapagate.traffic.rate import Rate


class Buckets(Protocol):
    """Buckets by key. A key that was never seen is a full bucket."""

    def scoped(self, prefix: str) -> Buckets:
        """The same store under keys of its own, so that no two steps share a bucket."""

    async def take(self, key: tuple[str, ...], rate: Rate, burst: int, cost: int = 1) -> Quota:
        """Takes `cost` requests, or nothing when they are not there. Raises BackendFailed."""
