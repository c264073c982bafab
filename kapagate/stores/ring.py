"""Records in memory: the newest ones, for demos, tests and gateways that keep no audit beyond their own life."""

from __future__ import annotations

from collections import deque
from typing import Any

import orjson

from kapagate.ledger.ledger import Page, Row
from kapagate.ledger.retention import Retention
from kapagate.ledger.selection import EVERYTHING, Selection

_Numbered = tuple[int, Row]


class MemoryLedger:
    """A `Ledger` that is never full: it forgets the oldest. Unreserved records push out only unreserved ones."""

    def __init__(self, capacity: int = 4096, share: int = 512) -> None:
        self._reserved: deque[_Numbered] = deque(maxlen=capacity)
        self._unreserved: deque[_Numbered] = deque(maxlen=share)
        self._count = 0
        self.failure = ""
        self.held = 0

    def take(self) -> bool:
        self.held += 1
        return True

    async def reserve(self) -> None:
        self.take()

    def intend(self, decision: str, intent: Row) -> None:
        """Nothing outlives the process, so nothing can be lost with it."""

    def fill(self, row: Row, settles: str = "") -> None:
        self.held -= 1
        self._keep(self._reserved, row)

    def release(self) -> None:
        self.held -= 1

    def fill_unreserved(self, row: Row, settles: str = "") -> bool:
        self._keep(self._unreserved, row)
        return True

    def retain(self, retention: Retention) -> None:
        """It keeps what it has room for."""

    async def page(self, selection: Selection, limit: int, before: int | None = None) -> Page:
        found: list[dict[str, Any]] = []
        for number, row in sorted([*self._reserved, *self._unreserved], reverse=True):
            if before is None or number < before:
                record = orjson.loads(row)
                if selection.matches(record):
                    found.append({"id": number, **record})
                    if len(found) == limit:
                        return Page(found, number if number > 1 else None)
        return Page(found)

    async def query(self, limit: int, before: int | None = None, selection: Selection = EVERYTHING) -> list[Any]:
        return (await self.page(selection, limit, before)).records

    def forget(self) -> None:
        """All records."""
        self._reserved.clear()
        self._unreserved.clear()

    async def flush(self) -> None:
        return

    async def close(self) -> None:
        return

    def _keep(self, rows: deque[_Numbered], row: Row) -> None:
        self._count += 1
        rows.append((self._count, row))
