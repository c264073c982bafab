"""The port to where records are kept."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct, field

from kapagate.chain.problem import BackendFailed
from kapagate.ledger.retention import Retention
from kapagate.ledger.selection import EVERYTHING, Selection

Row = str
"""A record as it is kept: one JSON object, without blanks between its members."""


class LedgerFull(BackendFailed):
    """No place became free in time."""


class Page(Struct, frozen=True):
    """Records, the newest first, each with its `id`. `before` is where the next page goes on; None: there is none.

    A page may be short, or empty, and still have a next one: how much is looked through for one page is bounded.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    before: int | None = None


class Ledger(Protocol):
    """Keeps records. `failure` says why nothing can be kept right now (empty: it can); `held` are the places taken.

    A place is taken first, and either filled or released, once.
    """

    @property
    def failure(self) -> str: ...
    @property
    def held(self) -> int: ...
    def take(self) -> bool:
        """A place, if there is one at once."""

    async def reserve(self) -> None:
        """A place, after a bounded wait. Raises LedgerFull, or BackendFailed while nothing can be kept."""

    def release(self) -> None:
        """There will be no record for a place."""

    def intend(self, decision: str, intent: Row) -> None:
        """What is about to be done. It stands until a record with this `decision` settles it; if the process ends
        before, it becomes a record with the outcome `lost`.
        """

    def fill(self, row: Row, settles: str = "") -> None:
        """Never waits and never raises: the room is there. `settles`: the decision whose intent this is the end of."""

    def fill_unreserved(self, row: Row, settles: str = "") -> bool:
        """A record without a place: from the share, without waiting. False: missed, counted, told in a gap record."""

    async def flush(self) -> None:
        """Returns when everything so far is durable; those who wait together share one write. Raises BackendFailed."""

    def retain(self, retention: Retention) -> None:
        """From now on so much is kept."""

    async def page(self, selection: Selection, limit: int, before: int | None = None) -> Page:
        """The newest records that a selection means, older than the record `before` where it is given."""

    async def query(self, limit: int, before: int | None = None, selection: Selection = EVERYTHING) -> list[Any]:
        """The records of one page."""

    async def close(self) -> None: ...
