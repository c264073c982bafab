"""The port to what remembers how much was taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kapagate.traffic.gcra import Limit, Quota

Key = tuple[str, ...]


class Buckets(Protocol):
    """Buckets by key. A key that was never seen is a full bucket."""

    def scoped(self, prefix: str) -> Buckets:
        """The same store under keys of its own, so that no two steps share a bucket."""

    def key(self, *parts: str) -> Key:
        """What these parts are called in the store: to be made once and kept where the parts stay the same."""

    async def take(self, key: Key, limit: Limit, cost: int = 1) -> Quota:
        """Takes `cost` requests, or nothing when they are not there. Raises BackendFailed."""

    async def take_all(self, keys: Sequence[Key], limits: Sequence[Limit], cost: int = 1) -> Sequence[Quota]:
        """Takes `cost` requests from every bucket in one move, or from none. Raises BackendFailed."""
