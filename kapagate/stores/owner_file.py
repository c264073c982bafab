"""The file that claims are kept in, as the thread that writes it sees it.

Claims are only ever added, the newest last, and the oldest removed: no index has to be kept, which would cost twenty
times as much. Where an id stands twice, the later claim holds. Whoever looks ids up has read the file when it began.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import orjson

VERSION = 1
BUSY_SECONDS = 1.0
_SCHEMA = "CREATE TABLE claims (id INTEGER PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, until REAL NOT NULL)"
_INSERT = """
INSERT INTO claims (name, owner, until)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?)
"""
_FORGET = "DELETE FROM claims WHERE id <= ?"
_SPAN = "SELECT coalesce(min(id), 1), coalesce(max(id), 0) FROM claims"
_ALL = "SELECT name, owner, until FROM claims WHERE until > ? ORDER BY id"
_OWNED = "SELECT DISTINCT name FROM claims WHERE owner = ? AND until > ?"

Claim = tuple[str, str, float]
"""An id, its owner, and the wall time at which the claim ends."""


class OwnerFile:
    """A database of mode 0600, used by one thread at a time, with at most `most` claims and a quarter more.

    What is written survives the process at once, and the machine from the next checkpoint on (`synchronous=NORMAL`): a
    claim that a power failure takes is an unknown id, never somebody else's. Raises sqlite3.Error and OSError, and is
    closed then; the next call opens it again. A file that is no database any more is set aside.
    """

    def __init__(self, path: Path, most: int) -> None:
        self.path = path
        self._most = most
        self._connection: sqlite3.Connection | None = None
        self._oldest = 1
        self._newest = 0

    def write(self, claims: Sequence[Claim]) -> None:
        """Writes claims, all or none."""
        with self._closing_on_failure() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_INSERT, (orjson.dumps(claims).decode(),))
            newest = self._newest + len(claims)
            forget = newest - self._oldest + 1 > self._most + self._most // 4
            if forget:
                connection.execute(_FORGET, (newest - self._most,))
            connection.execute("COMMIT")
            self._newest = newest
            self._oldest = newest - self._most + 1 if forget else self._oldest

    def read(self, now: float) -> list[Claim]:
        """All claims that hold, in the order in which they came."""
        with self._closing_on_failure() as connection:
            return connection.execute(_ALL, (now,)).fetchall()

    def owned_by(self, owner: str, now: float) -> Collection[str]:
        """The ids of an owner; the whole file is looked through."""
        with self._closing_on_failure() as connection:
            return {name for (name,) in connection.execute(_OWNED, (owner, now))}

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    @contextlib.contextmanager
    def _closing_on_failure(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._opened()
        except BaseException as cause:
            self.close()
            if getattr(cause, "sqlite_errorcode", None) in _RUINED:
                self._set_aside()
            raise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            os.chmod(self.path, 0o600)
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            self._connection = connection
            _prepare(connection)
            self._oldest, self._newest = connection.execute(_SPAN).fetchone()
        return self._connection

    def _set_aside(self) -> None:
        """What is left of a ruined file stays beside it, for whoever wants to look."""
        self.path.replace(self.path.with_name(self.path.name + ".ruined"))
        for end in ("-wal", "-shm"):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)


_RUINED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _prepare(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, VERSION):
        raise sqlite3.OperationalError(f"schema version {version} is not {VERSION}: another kapagate wrote it")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA}; PRAGMA user_version = {VERSION}; COMMIT")
