"""The file that records are kept in, as the thread that writes them sees it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

import orjson

from kapagate.chain.problem import BackendFailed

VERSION = 1
_SCHEMA = """
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT AS (json_extract(record, '$.received_at')),
    tenant TEXT AS (json_extract(record, '$.tenant')),
    decision TEXT AS (json_extract(record, '$.decision')),
    record TEXT NOT NULL
) STRICT
"""
_INSERT = "INSERT INTO audit (record) SELECT value FROM json_each(?)"
_NEWEST = "SELECT id, record FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?"
_LARGEST_ID = 2**63 - 1
BUSY_SECONDS = 1.0
STATEMENT_ROWS = 512


class AuditFile:
    """A database of mode 0600, used by one thread. `max_bytes` 0: it grows as far as the disk allows."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._connection: sqlite3.Connection | None = None
        self._inode = (0, 0)

    def write(self, rows: list[bytes]) -> str:
        """Writes the rows, all or none. Returns why it could not, and then the file is closed."""
        try:
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            for start in range(0, len(rows), STATEMENT_ROWS):
                connection.execute(_INSERT, (f"[{b','.join(rows[start : start + STATEMENT_ROWS]).decode()}]",))
            connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as cause:
            self.close()
            return f"{self.path.name}: {cause}"
        return ""

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._inode != _inode(self.path):
            self.close()
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        os.chmod(self.path, 0o600)
        self._inode = _inode(self.path)
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError(f"schema version {version} is not {VERSION}: another kapagate wrote it")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if self._max_bytes:
            (page,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA max_page_count = {max(1, self._max_bytes // page)}")
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA}; PRAGMA user_version = {VERSION}; COMMIT")


def newest(path: Path, limit: int, before: int | None = None) -> list[dict[str, Any]]:
    """The newest records of a file first, each with its `id`. Raises BackendFailed."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute(_NEWEST, (_LARGEST_ID if before is None else before, limit)).fetchall()
    except sqlite3.Error as cause:
        raise BackendFailed(f"{path.name}: {cause}") from cause
    return [{"id": number, **orjson.loads(record)} for number, record in found]


def _inode(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return status.st_dev, status.st_ino
