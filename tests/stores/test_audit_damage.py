from __future__ import annotations

import contextlib
import sqlite3
import struct
from pathlib import Path

import pytest

from kapagate.stores.audit_damage import Damaged, check, copy_log, dropped, is_damage, lenient, set_aside

PAGE, SALT, MARK = 512, 7000, 99


def log(*frames: tuple[int, int, int]) -> bytes:
    """A write-ahead log: of each frame how many pages the file has after its commit (0: none ends here), and its two
    salts. Checksums are SQLite's affair.
    """
    head = struct.pack(">IIIIIIII", 0x377F0682, 3007000, PAGE, 0, SALT, MARK, 0, 0)
    return head + b"".join(struct.pack(">IIIIII", 1, *frame, 0, 0) + bytes(PAGE) for frame in frames)


COMMIT, MIDDLE, STALE = (9, SALT, MARK), (0, SALT, MARK), (9, SALT - 1, 12345)


@pytest.mark.parametrize(
    ("frames", "whole", "said"),
    [
        ([COMMIT, COMMIT], 2, False),
        ([COMMIT, MIDDLE, MIDDLE], 1, False),
        ([COMMIT, MIDDLE, COMMIT], 1, False),
        ([COMMIT, COMMIT, MIDDLE], 1, True),
        ([COMMIT, MIDDLE, COMMIT, COMMIT], 1, True),
        ([COMMIT, STALE, STALE], 1, False),
        ([COMMIT, MIDDLE, STALE], 1, False),
        ([COMMIT, (0, 0, 0)], 1, False),
        ([COMMIT, (5, 0xDEADBEEF, 1)], 1, True),
        ([], 0, False),
    ],
)
def test_what_was_dropped_is_told_from_what_a_death_leaves(
    frames: list[tuple[int, int, int]], whole: int, said: bool
) -> None:
    assert dropped(log(*frames), whole) is said


@pytest.mark.parametrize("length", [0, 31])
def test_a_log_without_a_head_has_nothing_to_tell(length: int) -> None:
    assert not dropped(log(COMMIT)[:length], 0)


def test_a_log_whose_head_makes_no_sense_was_dropped() -> None:
    assert dropped(b"\xff" * 600, 0)


def test_half_a_frame_is_what_a_death_leaves() -> None:
    assert not dropped(log(COMMIT, COMMIT)[:-10], 1)


def test_damage_is_told_from_trouble() -> None:
    assert is_damage(Damaged("x"))
    assert is_damage(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"))
    with pytest.raises(sqlite3.DatabaseError) as trouble, contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("SELECT * FROM nothing")
    assert not is_damage(trouble.value)
    assert not is_damage(OSError("disk full"))


def test_an_empty_file_is_new_and_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    path.touch()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert check(connection, path, 2)
        connection.execute("CREATE TABLE customer (name TEXT)")
        with pytest.raises(sqlite3.DatabaseError, match="not a file of this kapagate"):
            check(connection, path, 2)


def test_what_is_set_aside_keeps_what_belongs_to_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").write_text(suffix)
    aside = set_aside(path, 0.0)
    assert aside.name == "audit.db.damaged-19700101T000000Z"
    assert sorted(each.name.removeprefix(aside.name) for each in tmp_path.iterdir()) == ["", "-shm", "-wal"]


def test_a_log_is_copied_under_a_name_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    Path(f"{path}-wal").write_text("log")
    copies = {copy_log(path, 0.0) for _ in range(2)}
    assert {each.read_text() for each in copies} == {"log"}
    assert len(copies) == 2


def test_garbage_can_be_read_as_text() -> None:
    assert lenient(b"a\xffb") == "a�b"
