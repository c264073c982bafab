"""The file that deliveries are remembered in, as the thread that works on it sees it.

No row has a time: wall clocks jump, and no other clock survives a restart. Rows are numbered as they are claimed, and
the process notes now and then which number was the last (`_ages`). So a row is known to be at least as old as the first
note that is not below it; what was there at the start counts as young. Who writes a row has its life in its beat: as
long as somebody raises that, the delivery is under way; when it has stood still for `lease` seconds, it is abandoned.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from kapagate.chain.problem import BackendFailed
from kapagate.identity.replays import Delivery, ReplaysFull, Ticket

VERSION = 1
BUSY_SECONDS = 1.0
NOTE_EVERY = 300.0
_MOST_NOTES = 4096
_MOST_WATCHED = 4096
_SCHEMA = """
CREATE TABLE replays (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    mark BLOB NOT NULL,
    status INTEGER NOT NULL DEFAULT 0,
    keep REAL NOT NULL,
    owner TEXT NOT NULL,
    beat INTEGER NOT NULL DEFAULT 0,
    UNIQUE (source, mark)
) STRICT
"""
_FIND = "SELECT number, status, owner, beat FROM replays WHERE source = ? AND mark = ?"
_INSERT = "INSERT INTO replays (source, mark, keep, owner) VALUES (?, ?, ?, ?)"
_REMEMBER = """
INSERT INTO replays (source, mark, keep, owner, status) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (source, mark) DO UPDATE SET status = excluded.status
"""
_FORGET = "DELETE FROM replays WHERE number = ? AND mark = ? AND owner = ?"
_BEAT = "UPDATE replays SET beat = beat + 1 WHERE number IN (SELECT value FROM json_each(?))"
_EXPIRE = "DELETE FROM replays WHERE keep = ? AND number <= ? AND status > 0"
_EVICT = """
DELETE FROM replays WHERE number IN
(SELECT number FROM replays WHERE source = ? AND number <= ? AND status > 0 ORDER BY number LIMIT ?)
"""

Operation = Callable[[float], Any]
"""What is done at a moment, monotonic seconds."""


class ReplayFile:
    """A database of mode 0600, used by one thread. `owner` names this process among those that share the file."""

    def __init__(self, path: Path, owner: str, capacity: int, lease: float) -> None:
        self.path = path
        self.held: set[int] = set()
        self._owner = owner
        self._capacity = capacity
        self._lease = lease
        self._connection: sqlite3.Connection | None = None
        self._inode = (0, 0)
        self._ages: deque[tuple[float, int]] = deque(maxlen=_MOST_NOTES)
        self._latest = (0.0, 0)
        self._watched: dict[int, tuple[int, float]] = {}
        self._counts: dict[str, int] = {}

    def run(self, operations: Sequence[Operation], now: float, durable: bool = True) -> list[Any]:
        """Does all in one transaction, or none: what each gave, or the refusal of one. Raises BackendFailed.

        What is not `durable` survives the process, but not the machine.
        """
        done: list[Any] = []
        try:
            connection = self._opened(now)
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            for operation in operations:
                try:
                    done.append(operation(now))
                except ReplaysFull as refusal:
                    done.append(refusal)
            connection.execute("COMMIT")
        except Exception as cause:
            for ticket in (each for each in done if isinstance(each, Ticket)):
                self.let_go(ticket)
            self.close()
            if isinstance(cause, sqlite3.Error | OSError):
                raise BackendFailed(f"{self.path.name}: {cause}") from cause
            raise
        return done

    def claim(self, delivery: Delivery, now: float) -> Ticket | int | None:
        self._note(now)
        row = self._one(_FIND, delivery.source, delivery.mark)
        if row is not None:
            number, status, owner, beat = row
            if number in self.held:
                return None
            if status:
                return int(status)
            if not self._abandoned(number, owner, beat, now):
                return None
            self._execute(_FORGET, number, delivery.mark, owner)
        self._make_room(delivery, now)
        number = self._execute(_INSERT, delivery.source, delivery.mark, delivery.keep, self._owner).lastrowid or 0
        self.held.add(number)
        self._latest = (now, number)
        return Ticket(delivery, number)

    def remember(self, ticket: Ticket, status: int) -> None:
        delivery = ticket.delivery
        self._execute(_REMEMBER, delivery.source, delivery.mark, delivery.keep, self._owner, status)

    def settle(self, ticket: Ticket, delivered: bool) -> None:
        self.let_go(ticket)
        if not delivered:
            self._execute(_FORGET, ticket.number, ticket.delivery.mark, self._owner)

    def let_go(self, ticket: Ticket) -> None:
        """This process delivers it no more."""
        self.held.discard(ticket.number)

    def beat(self) -> None:
        """Says that what this process delivers is under way still."""
        self._execute(_BEAT, orjson.dumps([*self.held]).decode())

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _abandoned(self, number: int, owner: str, beat: int, now: float) -> bool:
        """Whether nobody delivers a row that has no status."""
        if owner == self._owner:
            return True
        seen, since = self._watched.get(number, (-1, now))
        if seen != beat:
            if len(self._watched) >= _MOST_WATCHED:
                self._watched.clear()
            self._watched[number] = (beat, now)
            return False
        return now - since >= self._lease

    def _make_room(self, delivery: Delivery, now: float) -> None:
        source = delivery.source
        count = self._counts.get(source)
        if count is None or count >= self._capacity:
            count = self._count(source)
            if count >= self._capacity:
                self._execute(_EVICT, source, self._last_before(now - delivery.least), max(1, self._capacity // 64))
                count = self._count(source)
        self._counts[source] = count + 1
        if count >= self._capacity:
            raise ReplaysFull("a source of webhooks has more deliveries than can be remembered")

    def _count(self, source: str) -> int:
        (count,) = self._one("SELECT count(*) FROM replays WHERE source = ?", source)
        return int(count)

    def _note(self, now: float) -> None:
        """Notes the age of all that is there, and forgets what has been kept long enough."""
        if self._ages and now - self._ages[-1][0] < NOTE_EVERY:
            return
        if self._ages and self._latest > self._ages[-1]:
            self._ages.append(self._latest)
        self._ages.append((now, self._last()))
        for (keep,) in self._execute("SELECT DISTINCT keep FROM replays").fetchall():
            self._execute(_EXPIRE, keep, self._last_before(now - keep))
        self._counts.clear()

    def _last(self) -> int:
        (last,) = self._one("SELECT coalesce(max(number), 0) FROM replays")
        return int(last)

    def _last_before(self, moment: float) -> int:
        """The greatest number that was there at a moment, as far as is known; 0: none is known to have been."""
        return next((number for noted, number in reversed(self._ages) if noted <= moment), 0)

    def _one(self, statement: str, *values: Any) -> Any:
        return self._execute(statement, *values).fetchone()

    def _execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the file is closed")
        return self._connection.execute(statement, values)

    def _opened(self, now: float) -> sqlite3.Connection:
        if self._connection is not None and self._inode != _inode(self.path):
            self.close()
        if self._connection is None:
            self._connection = self._open()
            self._start(now)
        return self._connection

    def _open(self) -> sqlite3.Connection:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        os.chmod(self.path, 0o600)
        inode = _inode(self.path)
        if inode != self._inode:
            for known in (self._ages, self._watched, self.held):
                known.clear()
            self._latest = (0.0, 0)
        self._inode = inode
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _start(self, now: float) -> None:
        """Watches what others left or have under way, so that their time runs from now on."""
        self._counts.clear()
        rows = self._execute("SELECT number, beat FROM replays WHERE status = 0 LIMIT ?", _MOST_WATCHED)
        for number, beat in rows.fetchall():
            self._watched.setdefault(number, (beat, now))


def _prepare(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.OperationalError):  # who shares the file is doing it, or it cannot be read at all
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, VERSION):
        raise sqlite3.DatabaseError(f"schema version {version} is not {VERSION}: another kapagate wrote it")
    if version == 0:
        connection.execute(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _inode(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return status.st_dev, status.st_ino
