"""Reading a file of records while a gateway writes it: pages of what is asked for, and the proof that all is there.

A search goes from the newest batch back. A batch whose text lacks what every record asked for contains is passed over
without being parsed, a thousand times as fast; one page looks through a bounded number of bytes.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from kapagate.chain.problem import BackendFailed
from kapagate.ledger.ledger import Page
from kapagate.ledger.selection import Selection
from kapagate.stores.audit_damage import batches, lenient
from kapagate.stores.audit_seal import BEGINNING, Sealed

LOOKED_THROUGH = 64 << 20


def search(path: Path, selection: Selection, limit: int, before: int | None = None) -> Page:
    """The newest records that are meant, older than `before`. Raises BackendFailed."""
    needles, found, looked = tuple(selection.needles()), [], 0
    with reading(path) as connection:
        for batch in batches(connection, *(() if before is None else (before,))):
            if selection.since and batch.written_at < selection.since:
                break
            looked += len(batch.records)
            if all(needle in batch.records for needle in needles):
                for number, record in _newest_first(batch, before):
                    if selection.matches(record):
                        found.append({"id": number, **record})
                        if len(found) == limit:
                            return Page(found, number if number > 1 else None)
            if looked > LOOKED_THROUGH and batch.id > 1:
                return Page(found, batch.id)
    return Page(found)


def after(path: Path, last: int, selection: Selection) -> tuple[list[dict[str, Any]], int]:
    """The records behind the one with the id `last`, the oldest first, and the id of the newest there is."""
    found: list[dict[str, Any]] = []
    newest = 0
    with reading(path) as connection:
        for batch in batches(connection):
            newest = newest or batch.last
            if batch.last <= last:
                break
            found += (
                {"id": number, **record}
                for number, record in _newest_first(batch, None)
                if number > last and selection.matches(record)
            )
    return found[::-1], newest


def verify(path: Path) -> tuple[int, int, bytes]:
    """The ids of the first and last record and the last seal, when every batch is as it was written and none is
    missing between them. Raises BackendFailed that says where not.
    """
    first, last, bound = 0, 0, BEGINNING
    with reading(path) as connection:
        for number, each in enumerate(_oldest_first(connection)):
            if not each.holds() or (number and (each.id, each.previous) != (last + 1, bound)):
                raise BackendFailed(
                    f"{path.name}: the records {each.id} to {each.last} are not those that were written"
                )
            first, last, bound = first or each.id, each.last, each.seal
    return first, last, bound


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that can only read. Raises BackendFailed for whatever goes wrong within."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.text_factory = lenient
            yield connection
    except (sqlite3.Error, ValueError, TypeError) as cause:
        raise BackendFailed(f"{path.name}: {cause}") from cause


def _newest_first(batch: Sealed, before: int | None) -> Iterator[tuple[int, dict[str, Any]]]:
    records = orjson.loads(batch.records)
    for number in range(batch.last, batch.id - 1, -1):
        if before is None or number < before:
            yield number, records[number - batch.id]


def _oldest_first(connection: sqlite3.Connection) -> Iterator[Sealed]:
    for row in connection.execute(
        "SELECT id, last, written_at, CAST(records AS BLOB), previous, seal FROM batch ORDER BY id"
    ):
        yield Sealed(*row)
