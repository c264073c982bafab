"""The file that records are kept in, as the thread that writes them sees it.

A row of the table `batch` holds all records of one commit as one JSON array, sealed (`audit_seal`). One row with a long
text takes half the time of a row per record, and the view `audit` shows the records one by one. `id` is the number
of a batch's first record and `last` that of its last: ids have no holes.

The table `intent` holds what began and has not ended. One of them, without a name, is the process itself: it is there
from the opening to the clean end. At start, whatever else is in the table becomes a record: `lost` for an exchange,
`gap` for the process.

A file that is damaged is set aside under another name, and a new one begins with a record that says so.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import sqlite3
from pathlib import Path

from msgspec import Struct, field

from kapagate.ledger.record import encoded, gap, moment
from kapagate.stores.audit_damage import APPLICATION, Damaged, check, copy_log, is_damage, lenient, set_aside, torn
from kapagate.stores.audit_seal import BEGINNING, seal

VERSION = 2
PAGE = 1 << 14
WAL_PAGES = 256
BUSY_SECONDS = 1.0
PRUNED_AT_ONCE = 16
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    written_at TEXT NOT NULL,
    previous BLOB NOT NULL,
    seal BLOB NOT NULL,
    records TEXT NOT NULL
) STRICT;
CREATE TABLE intent (decision TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE VIEW audit AS
SELECT batch.id + one.key AS id,
       batch.id AS batch,
       json_extract(one.value, '$.received_at') AS received_at,
       json_extract(one.value, '$.tenant') AS tenant,
       json_extract(one.value, '$.subject') AS subject,
       json_extract(one.value, '$.operation') AS operation,
       json_extract(one.value, '$.outcome') AS outcome,
       json_extract(one.value, '$.decision') AS decision,
       one.value AS record
FROM batch, json_each(batch.records) AS one;
"""
_NUMBERS = f"PRAGMA user_version = {VERSION}; PRAGMA application_id = {APPLICATION + VERSION}; COMMIT"
_BATCH = "INSERT INTO batch (id, last, written_at, previous, seal, records) VALUES (?, ?, ?, ?, ?, ?)"
_INTEND = (
    "INSERT OR REPLACE INTO intent (decision, record) SELECT json_extract(value, '$.decision'), value FROM json_each(?)"
)
_SETTLE = "DELETE FROM intent WHERE decision IN (SELECT value FROM json_each(?))"
_LAST = "SELECT last, seal, written_at FROM batch ORDER BY id DESC LIMIT 1"
_FAILURES = (sqlite3.Error, OSError, Damaged, UnicodeDecodeError)
_PRUNE = (
    "DELETE FROM batch WHERE id IN "
    "(SELECT id FROM batch WHERE id < (SELECT max(id) FROM batch) AND written_at < ? ORDER BY id LIMIT ?)"
)


class Batch(Struct):
    """What becomes durable together. `at` is wall time; `intents` have a `decision`, `settled` are those of others."""

    at: float
    rows: list[str] = field(default_factory=list)
    intents: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)


class AuditFile:
    """A database of mode 0600, used by one thread of one process. `max_bytes` 0: it grows as far as the disk allows."""

    def __init__(self, path: Path, max_bytes: int = 0) -> None:
        self.path = path
        self.aside: Path | None = None
        self._untold: list[str] = []
        self._max_bytes = max_bytes
        self._connection: sqlite3.Connection | None = None
        self._descriptor = -1
        self._inode = (0, 0)
        self._first = True
        self._next = 1
        self._seal = BEGINNING

    def write(self, batch: Batch) -> str:
        """Makes a batch durable, whole or not at all. Returns why it could not, and then the file is closed."""
        try:
            try:
                self._write(batch)
            except _FAILURES as cause:
                self._let_go()
                if not is_damage(cause):
                    raise
                self.aside = set_aside(self.path, batch.at)
                self._untold.append(gap("damage", batch.at, aside=self.aside.name))
                self._write(batch)
        except _FAILURES as cause:
            self._let_go()
            return f"{self.path.name}: {cause}"
        return ""

    def prune(self, before: float, at: float, most_bytes: float = math.inf) -> bool:
        """Deletes some of the batches that were written before a moment, or that are too many. Whether any was."""
        try:
            connection = self._opened(at)
            limit = moment(before)
            if _used(connection) > most_bytes:
                limit = moment(at)
            deleted = connection.execute(_PRUNE, (limit, PRUNED_AT_ONCE)).rowcount
        except _FAILURES:
            self._let_go()
            return False
        return deleted > 0

    def close(self) -> None:
        """The clean end: there is nothing that a next start would have to tell."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("DELETE FROM intent WHERE decision = ''")
        self._let_go()

    def _write(self, batch: Batch) -> None:
        connection, rows = self._opened(batch.at), [*self._untold, *batch.rows]
        if not (rows or batch.intents or batch.settled):
            return
        connection.execute("BEGIN IMMEDIATE")
        following, bound = self._next, self._seal
        if rows:
            following, bound = self._append(connection, rows, batch.at)
        if batch.intents:
            connection.execute(_INTEND, (f"[{','.join(batch.intents)}]",))
        if batch.settled:
            connection.execute(_SETTLE, (encoded(batch.settled),))
        connection.execute("COMMIT")
        self._next, self._seal, self._untold = following, bound, []

    def _append(self, connection: sqlite3.Connection, rows: list[str], at: float) -> tuple[int, bytes]:
        records = f"[{','.join(rows)}]"
        last, written_at = self._next + len(rows) - 1, moment(at)
        bound = seal(self._seal, self._next, last, written_at, records.encode())
        connection.execute(_BATCH, (self._next, last, written_at, self._seal, bound, records))
        return last + 1, bound

    def _opened(self, at: float) -> sqlite3.Connection:
        if self._connection is not None and self._inode != _inode(self.path):
            self._let_go()
        if self._connection is None:
            self._connection = self._open(at)
        return self._connection

    def _open(self, at: float) -> sqlite3.Connection:
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(self._descriptor, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError("another process writes to it") from None
        self._inode = _inode(self.path)
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.text_factory = lenient
        try:
            self._prepare(connection)
            self._begin(connection, at)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        fresh = check(connection, self.path, VERSION)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        if self._max_bytes:
            (page,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA max_page_count = {max(1, self._max_bytes // page)}")
        if fresh:
            connection.executescript("".join((_SCHEMA, _NUMBERS)))

    def _begin(self, connection: sqlite3.Connection, at: float) -> None:
        """Takes up where the file ends; at the start of the process, with what the one before it left open.

        That a process is at work stands in the file itself then, so that it is known even if all of the log is lost.
        """
        last, self._seal, written_at = connection.execute(_LAST).fetchone() or (0, BEGINNING, "")
        self._next = last + 1
        if self._first:
            left = connection.execute("SELECT decision, record FROM intent ORDER BY decision").fetchall()
            rows = [_lost(record) if decision else _crash(at, written_at or record) for decision, record in left]
            if torn(connection, self.path):
                rows.append(gap("damage", at, aside=copy_log(self.path, at).name))
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM intent")
            if rows:
                self._next, self._seal = self._append(connection, rows, at)
            connection.execute("COMMIT")
        connection.execute("INSERT OR REPLACE INTO intent VALUES ('', ?)", (moment(at),))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._first = False

    def _let_go(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _used(connection: sqlite3.Connection) -> int:
    """Bytes of the pages that hold something."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(pages - free) * PAGE


def _lost(intent: str) -> str:
    return f'{intent[:-1]},"outcome":"lost"}}'


def _crash(at: float, since: str) -> str:
    """Records that were not durable when the process ended are missing; the last that is was written at `since`."""
    return gap("crash", at, since=since)


def _inode(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return status.st_dev, status.st_ino
