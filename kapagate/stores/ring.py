"""Records in memory: the newest ones, for demos, tests and gateways that keep no audit beyond their own life."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any

import orjson

from kapagate.ledger.ledger import Row

_Numbered = tuple[int, Row]


class MemoryLedger:
    """A `Ledger` that is never full: it forgets the oldest. Unreserved records push out only unreserved ones."""

    def __init__(self, capacity: int = 4096, share: int = 512) -> None:
        self._reserved: deque[_Numbered] = deque(maxlen=capacity)
        self._unreserved: deque[_Numbered] = deque(maxlen=share)
        self._count = 0
        self.failure = ""
        self.held = 0

    async def reserve(self) -> MemoryLedger:
        """The ledger is its own place."""
        self.held += 1
        return self

    def fill(self, row: Row) -> None:
        self.held -= 1
        self._keep(self._reserved, row)

    def release(self) -> None:
        self.held -= 1

    def fill_unreserved(self, row: Row) -> bool:
        self._keep(self._unreserved, row)
        return True

    async def query(self, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        rows = sorted([*self._reserved, *self._unreserved], reverse=True)
        older = (row for row in rows if before is None or row[0] < before)
        return [{"id": number, **orjson.loads(record)} for number, record in islice(older, limit)]

    async def flush(self) -> None:
        return

    async def close(self) -> None:
        return

    def _keep(self, rows: deque[_Numbered], row: Row) -> None:
        self._count += 1
        rows.append((self._count, row))
