from __future__ import annotations

import contextlib
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from kapagate.chain.problem import BackendFailed
from kapagate.ledger.record import encoded
from kapagate.stores.audit_file import STATEMENT_ROWS, VERSION, AuditFile, newest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.db"


@pytest.fixture
def file(path: Path) -> Iterator[AuditFile]:
    file = AuditFile(path, 0)
    yield file
    file.close()


def rows(*names: str) -> list[bytes]:
    return [encoded({"decision": name}) for name in names]


def names(path: Path) -> list[str]:
    return [record["decision"] for record in newest(path, 10**6)]


def test_rows_are_kept_in_their_order(file: AuditFile, path: Path) -> None:
    assert file.write(rows("a", "b")) == ""
    assert file.write(rows("c")) == ""
    assert newest(path, 2) == [{"id": 3, "decision": "c"}, {"id": 2, "decision": "b"}]
    assert newest(path, 2, before=2) == [{"id": 1, "decision": "a"}]


def test_more_rows_than_one_statement_takes_are_one_batch(file: AuditFile, path: Path) -> None:
    many = [str(number) for number in range(STATEMENT_ROWS * 2 + 1)]
    assert file.write(rows(*many)) == ""
    assert names(path) == many[::-1]


def test_a_batch_is_kept_whole_or_not_at_all(path: Path) -> None:
    file = AuditFile(path, 64 * 1024)
    assert file.write(rows("small")) == ""
    assert "full" in file.write([*rows("x"), *rows(*("y" * 1000 for _ in range(STATEMENT_ROWS * 2)))])
    assert names(path) == ["small"]
    assert file.write(rows("again")) == ""
    file.close()
    assert names(path) == ["again", "small"]


def test_opening_makes_a_file_for_its_owner_alone(file: AuditFile, path: Path) -> None:
    path.touch(0o666)
    assert file.write([]) == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert newest(path, 1) == []


def test_columns_stand_beside_the_record(file: AuditFile, path: Path) -> None:
    file.write([encoded({"decision": "d", "tenant": "acme", "received_at": "now"})])
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT decision, tenant, received_at FROM audit").fetchall() == [
            ("d", "acme", "now")
        ]
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_another_schema_is_not_touched(file: AuditFile, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    assert "schema version 2" in file.write(rows("a"))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)


def test_a_file_that_was_put_in_its_place_is_the_one_that_is_written(file: AuditFile, path: Path) -> None:
    file.write(rows("a"))
    for old in path.parent.iterdir():
        old.unlink()
    assert file.write(rows("b")) == ""
    assert names(path) == ["b"]


def test_damage_in_the_middle_is_said_and_not_hidden(file: AuditFile, path: Path) -> None:
    file.write(rows(*("x" * 500 for _ in range(200))))
    file.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    assert "malformed" in file.write(rows("b"))
    with pytest.raises(BackendFailed, match="malformed"):
        newest(path, 10)


def test_reading_a_file_that_is_not_there_is_a_failed_back_end(path: Path) -> None:
    with pytest.raises(BackendFailed, match="unable to open"):
        newest(path, 1)
