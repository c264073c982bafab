"""The port to where records are kept."""

from __future__ import annotations

from typing import Any, Protocol

from kapagate.chain.problem import BackendFailed

Row = bytes
"""A record as it is kept: one JSON object."""


class LedgerFull(BackendFailed):
    """No place became free in time."""


class Place(Protocol):
    """Room for one record. Exactly one of both is called, once."""

    def fill(self, row: Row) -> None:
        """Never waits and never raises: the room is there."""

    def release(self) -> None:
        """There will be no record."""


class Ledger(Protocol):
    """Keeps records. `failure` says why nothing can be kept right now (empty: it can); `held` are the places taken."""

    @property
    def failure(self) -> str: ...
    @property
    def held(self) -> int: ...
    async def reserve(self) -> Place:
        """A place, after a bounded wait. Raises LedgerFull, or BackendFailed while nothing can be kept."""

    def fill_unreserved(self, row: Row) -> bool:
        """A record without a place: from the share, without waiting. False: missed, counted, told in a gap record."""

    async def query(self, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        """The newest records first, each with its `id`; those older than the record `before` where it is given."""

    async def flush(self) -> None:
        """Returns when everything filled so far is durable. Raises BackendFailed when that cannot be."""

    async def close(self) -> None: ...
