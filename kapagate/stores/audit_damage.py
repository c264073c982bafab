"""Damage of the file that records are kept in: how it is found when the file is opened, and how it is set aside.

Looked at are the schema, the whole structure of a file up to LOOKED_THROUGH bytes (SQLite's `quick_check`), the seals
of the last SEALS_CHECKED bytes of records, all intents, and what SQLite left out of its write-ahead log. SQLite itself
ignores the log from the first frame on whose checksum is wrong, without a word; where what it ignored is more than a
commit that was under way, the log is copied before it is written over.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from kapagate.ledger.record import moment
from kapagate.stores.audit_seal import Sealed, follows

LOOKED_THROUGH = 64 << 20
SEALS_CHECKED = 8 << 20
APPLICATION = 0x6B670000
"""`application_id` of a file of records (https://sqlite.org/fileformat.html, 1.3.17), plus the schema's version."""
_OURS = {"batch", "intent", "audit"}
_BATCHES = "SELECT id, last, written_at, CAST(records AS BLOB), previous, seal FROM batch WHERE id < ? ORDER BY id DESC"
_LARGEST_ID = (1 << 63) - 1
_NONSENSE = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_FORMAT}
_WRITE_FORMAT, _KNOWN_FORMATS = 18, {b"\1", b"\2"}
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_WAL_HEAD, _FRAME_HEAD = struct.Struct(">4x4xI4xII8x"), struct.Struct(">4xIII8x")
_GENERATIONS = 1 << 20


class Damaged(Exception):
    """The file is not what was written."""


def is_damage(cause: Exception) -> bool:
    """Whether another try with the same file is vain. SQLite quotes garbage in its messages, which may be no text."""
    if isinstance(cause, sqlite3.Error):
        return (getattr(cause, "sqlite_errorcode", 0) & 0xFF) in _DAMAGE
    return isinstance(cause, Damaged | UnicodeDecodeError)


def lenient(data: bytes) -> str:
    """A text of a file that may be damaged, for `text_factory`."""
    return data.decode("utf-8", "replace")


def check(connection: sqlite3.Connection, path: Path, version: int) -> bool:
    """Whether the file is new. Raises Damaged, or sqlite3.DatabaseError for a good file of somebody else."""
    if path.stat().st_size == 0 and not Path(f"{path}-wal").is_file():
        return True
    try:
        with path.open("rb") as file:
            if file.read(_WRITE_FORMAT + 1)[_WRITE_FORMAT:] not in _KNOWN_FORMATS:
                raise Damaged("it is of no known format")
        schema = _schema(connection)
        if (schema.version, schema.application) != (version, APPLICATION + version):
            _whose(schema, version)
        if schema.names != _OURS:
            raise Damaged("its schema is not whole")
        _check_seals(connection)
    except sqlite3.Error as cause:
        if getattr(cause, "sqlite_errorcode", 0) in _NONSENSE:
            raise Damaged(str(cause)) from cause
        raise
    return False


class _Schema(NamedTuple):
    version: int
    application: int
    names: set[str]


def _schema(connection: sqlite3.Connection) -> _Schema:
    """Of a file whose structure holds. Raises Damaged."""
    pages, page, version, application = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "page_size", "user_version", "application_id")
    )
    if pages == 0:
        raise Damaged("it is shorter than a page")
    if pages * page <= LOOKED_THROUGH or application != APPLICATION + version:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise Damaged(found)
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")
    return _Schema(version, application, {name for (name,) in rows})


def _whose(schema: _Schema, version: int) -> None:
    """The two numbers say the same twice: where they differ in a file with our tables, one of them is damaged."""
    if schema.names == _OURS and schema.application != APPLICATION + schema.version:
        raise Damaged("its head is not what was written")
    raise sqlite3.DatabaseError(f"schema version {schema.version} is not {version}: it is not a file of this kapagate")


def batches(connection: sqlite3.Connection, before: int = _LARGEST_ID) -> Iterator[Sealed]:
    """The newest first."""
    return (Sealed(*row) for row in connection.execute(_BATCHES, (before,)))


def copy_log(path: Path, at: float) -> Path:
    """Keeps the write-ahead log as it is; returns the copy's name."""
    aside = Path(f"{_free_name(path, at)}-wal")
    shutil.copyfile(f"{path}-wal", aside)
    return aside


def set_aside(path: Path, at: float) -> Path:
    """Renames a damaged file and what belongs to it; returns its new name."""
    aside = _free_name(path, at)
    os.rename(path, aside)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{path}{suffix}", f"{aside}{suffix}")
    return aside


def _check_seals(connection: sqlite3.Connection) -> None:
    looked, after = 0, None
    for batch in batches(connection):
        if not batch.holds() or (after is not None and not follows(after, batch)):
            raise Damaged(f"the records {batch.id} to {batch.last} are not those that were written")
        after, looked = batch, looked + len(batch.records)
        if looked > SEALS_CHECKED:
            break
    for (intent,) in connection.execute("SELECT record FROM intent WHERE decision <> ''"):
        try:
            orjson.loads(intent)
        except ValueError:
            raise Damaged("an intent is not what was written") from None


def torn(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether SQLite passed over a part of its write-ahead log that no process left there by dying."""
    _, whole, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    log = Path(f"{path}-wal")
    return log.is_file() and dropped(log.read_bytes(), max(0, whole))


def dropped(log: bytes, whole: int) -> bool:
    """Whether a write-ahead log (https://sqlite.org/walformat.html) has more to tell than its first `whole` frames.

    The commit under way when a process or machine dies may leave frames without an end, a last one that is half
    written, or zeros.
    """
    if len(log) < _WAL_HEAD.size:
        return False
    page, salt, mark = _WAL_HEAD.unpack_from(log)
    size, committed = _FRAME_HEAD.size + page, False
    if page < 512 or page > 1 << 16:
        return True
    for start in range(_WAL_HEAD.size + whole * size, len(log) - size + 1, size):
        commits, own, own_mark = _FRAME_HEAD.unpack_from(log, start)
        if (own, own_mark) == (salt, mark):
            if committed:
                return True
            committed = bool(commits)
        elif own and (salt - own) & 0xFFFFFFFF > _GENERATIONS:
            return True
    return False


def _free_name(path: Path, at: float) -> Path:
    stamp = moment(at).replace("-", "").replace(":", "").partition(".")[0]
    for number in range(1, 1000):
        aside = path.with_name(f"{path.name}.damaged-{stamp}Z{f'-{number}' if number > 1 else ''}")
        if not (aside.exists() or Path(f"{aside}-wal").exists()):
            return aside
    raise OSError("there are too many damaged files beside it")
