from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from kapagate.stores.owner_file import OwnerFile

LATER = 1000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db.owners"


def rows(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        return int(connection.execute("SELECT count(*) FROM claims").fetchone()[0])


def test_what_is_written_is_read_again_in_its_order(path: Path) -> None:
    file = OwnerFile(path, 100)
    file.write([("a", "ann", LATER), ("b", "ann", LATER)])
    file.write([("c", "bob", LATER), ("a", "ann", LATER + 1)])
    file.close()
    again = OwnerFile(path, 100)
    expected = [("a", "ann", LATER), ("b", "ann", LATER), ("c", "bob", LATER), ("a", "ann", LATER + 1)]
    assert again.read(0.0) == expected
    assert again.read(LATER) == expected[-1:]
    assert again.owned_by("ann", 0.0) == {"a", "b"}
    again.close()


def test_the_file_is_its_owners_alone(path: Path) -> None:
    file = OwnerFile(path, 100)
    file.write([("a", "ann", LATER)])
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}
    file.close()


def test_the_oldest_claims_are_removed_before_there_are_a_quarter_too_many(path: Path) -> None:
    file = OwnerFile(path, 8)
    for number in range(100):
        file.write([(str(number), "ann", LATER)])
        assert rows(path) <= 10
    file.close()
    again = OwnerFile(path, 8)
    assert again.owned_by("ann", 0.0) >= {str(number) for number in range(92, 100)}
    again.write([("new", "ann", LATER)] * 3)
    assert rows(path) <= 10
    again.close()


def test_a_batch_is_written_whole_or_not_at_all(path: Path) -> None:
    file = OwnerFile(path, 100)
    with pytest.raises(sqlite3.Error):
        file.write([("a", "ann", LATER), ("b", None, LATER)])  # type: ignore[list-item]  # what SQLite refuses
    assert rows(path) == 0
    file.write([("a", "ann", LATER)])
    assert file.owned_by("ann", 0.0) == {"a"}
    file.close()


@pytest.mark.parametrize("garbage", [b"not a database at all, and long enough to have a header" * 4, b"x" * 5000])
def test_a_file_that_is_no_database_is_set_aside(path: Path, garbage: bytes) -> None:
    path.write_bytes(garbage)
    file = OwnerFile(path, 100)
    with pytest.raises(sqlite3.DatabaseError):
        file.read(0.0)
    assert Path(f"{path}.ruined").read_bytes() == garbage
    assert file.read(0.0) == []
    file.write([("a", "ann", LATER)])
    file.close()


def test_a_file_of_another_version_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    file = OwnerFile(path, 100)
    with pytest.raises(sqlite3.OperationalError, match="schema version 9 is not 1"):
        file.read(0.0)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
