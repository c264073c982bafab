from __future__ import annotations

import contextlib
import random
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kapagate.ledger.record import encoded
from kapagate.ledger.selection import EVERYTHING
from kapagate.stores.audit_damage import set_aside
from kapagate.stores.audit_file import PRUNED_AT_ONCE, VERSION, AuditFile, Batch
from kapagate.stores.audit_search import search, verify

NOW = 1_700_000_000.0
DAY = 86_400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.db"


@pytest.fixture
def file(path: Path) -> Iterator[AuditFile]:
    file = AuditFile(path)
    yield file
    file.close()


def batch(*names: str, at: float = NOW, **more: Any) -> Batch:
    return Batch(at, [encoded({"decision": name}) for name in names], **more)


def intent(name: str) -> str:
    return encoded({"decision": name, "tenant": "acme"})


def records(path: Path) -> list[dict[str, Any]]:
    """The oldest first."""
    return search(path, EVERYTHING, 10**6).records[::-1]


def names(path: Path) -> list[str]:
    return [record["decision"] or record["outcome"] for record in records(path)]


def died(file: AuditFile) -> None:
    """What is left of it when its process is killed: the descriptors are closed, and nothing else is done."""
    file._let_go()


def test_rows_are_kept_in_their_order_with_ids_without_holes(file: AuditFile, path: Path) -> None:
    assert file.write(batch("a", "b")) == ""
    assert file.write(batch("c")) == ""
    assert [(record["id"], record["decision"]) for record in records(path)] == [(1, "a"), (2, "b"), (3, "c")]


def test_a_batch_is_kept_whole_or_not_at_all(path: Path) -> None:
    file = AuditFile(path, 128 * 1024)
    assert file.write(batch("small")) == ""
    assert "full" in file.write(batch("x", *("y" * 1000 for _ in range(1000))))
    assert names(path) == ["small"]
    assert file.write(batch("again")) == ""
    file.close()
    assert names(path) == ["small", "again"]


def test_opening_makes_a_file_for_its_owner_alone(file: AuditFile, path: Path) -> None:
    path.touch(0o666)
    assert file.write(batch()) == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert records(path) == []


def test_the_view_shows_the_records_one_by_one(file: AuditFile, path: Path) -> None:
    row = {"decision": "d", "tenant": "acme", "received_at": "now", "subject": "s", "operation": "o", "outcome": "gone"}
    file.write(Batch(NOW, [encoded({"decision": "first"}), encoded(row)]))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            "SELECT id, batch, decision, tenant, received_at, subject, operation, outcome, record FROM audit"
        ).fetchall()
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert found[1][:8] == (2, 1, "d", "acme", "now", "s", "o", "gone")
    assert orjson.loads(found[1][8]) == row


def test_another_schema_is_not_touched(file: AuditFile, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    assert "schema version 1" in file.write(batch("a"))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_file_that_was_put_in_its_place_is_the_one_that_is_written(file: AuditFile, path: Path) -> None:
    file.write(batch("a"))
    for old in path.parent.iterdir():
        old.unlink()
    assert file.write(batch("b")) == ""
    assert names(path) == ["b"]


def test_two_processes_do_not_write_to_one_file(file: AuditFile, path: Path) -> None:
    assert file.write(batch("a")) == ""
    other = AuditFile(path)
    assert "another process writes to it" in other.write(batch("b"))
    file.close()
    assert other.write(batch("b")) == ""
    other.close()
    assert names(path) == ["a", "b"]


# ---------------------------------------------------------------------------------------------------------------------
# What a process leaves behind
# ---------------------------------------------------------------------------------------------------------------------


def test_an_intent_that_was_settled_leaves_nothing(file: AuditFile, path: Path) -> None:
    file.write(Batch(NOW, intents=[intent("a")]))
    file.write(batch("a", settled=["a"]))
    file.close()
    again = AuditFile(path)
    assert again.write(batch("b")) == ""
    again.close()
    assert names(path) == ["a", "b"]


def test_intents_without_an_outcome_are_lost_and_the_end_of_the_process_is_a_gap(file: AuditFile, path: Path) -> None:
    file.write(batch("a", intents=[intent("x"), intent("y")]))
    file.write(Batch(NOW + 1.0, [encoded({"decision": "y"})], settled=["y"]))
    died(file)
    again = AuditFile(path)
    assert again.write(batch("b", at=NOW + 60.0)) == ""
    again.close()
    assert names(path) == ["a", "y", "gap", "x", "b"]
    crash, lost = records(path)[2:4]
    assert (crash["reason"], crash["since"]) == ("crash", "2023-11-14T22:13:21.000Z")
    assert (lost["outcome"], lost["tenant"]) == ("lost", "acme")
    assert verify(path)[:2] == (1, 5)


def test_a_process_that_died_before_its_first_record_left_a_gap_since_its_start(file: AuditFile, path: Path) -> None:
    file.write(batch())
    died(file)
    again = AuditFile(path)
    again.write(batch(at=NOW + 5.0))
    again.close()
    assert [record["since"] for record in records(path)] == ["2023-11-14T22:13:20.000Z"]


def test_a_clean_end_leaves_no_gap(file: AuditFile, path: Path) -> None:
    for name in ("a", "b"):
        each = AuditFile(path)
        each.write(batch(name))
        each.close()
    assert names(path) == ["a", "b"]


def test_a_file_that_is_opened_again_does_not_lose_what_is_under_way(file: AuditFile, path: Path) -> None:
    file.write(Batch(NOW, intents=[intent("x")]))
    died(file)
    file.write(batch("x", settled=["x"]))
    file.close()
    assert names(path) == ["x"]


# ---------------------------------------------------------------------------------------------------------------------
# Retention
# ---------------------------------------------------------------------------------------------------------------------


def test_what_is_too_old_is_deleted_some_at_a_time(file: AuditFile, path: Path) -> None:
    for number in range(PRUNED_AT_ONCE + 4):
        file.write(batch(f"old-{number}"))
    file.write(batch("new", at=NOW + DAY))
    assert file.prune(NOW + 1.0, NOW + DAY)
    assert len(records(path)) == 5
    assert file.prune(NOW + 1.0, NOW + DAY)
    assert not file.prune(NOW + 1.0, NOW + DAY)
    assert names(path) == ["new"]


def test_what_is_deleted_is_gone_from_the_disk(file: AuditFile, path: Path) -> None:
    file.write(batch("do-not-keep-this"))
    file.write(batch("new", at=NOW + DAY))
    assert file.prune(NOW + 1.0, NOW + DAY)
    file.close()
    assert b"do-not-keep-this" not in path.read_bytes()


def test_ids_go_on_when_all_before_them_is_deleted(file: AuditFile, path: Path) -> None:
    file.write(batch("a", "b"))
    file.write(batch("c"))
    assert file.prune(NOW + 1.0, NOW)
    file.close()
    again = AuditFile(path)
    again.write(batch("d"))
    again.close()
    assert [(record["id"], record["decision"]) for record in records(path)] == [(3, "c"), (4, "d")]
    assert verify(path)[:2] == (3, 4)


def test_beyond_a_size_the_oldest_go(file: AuditFile, path: Path) -> None:
    for number in range(64):
        file.write(batch(str(number) * 20_000))
    while file.prune(0.0, NOW + 1.0, 1 << 20):
        pass
    kept = [record["id"] for record in records(path)]
    assert kept == list(range(kept[0], 65))
    assert sum(20_000 for _ in kept) < 1 << 20
    assert len(kept) > 8


def test_a_file_that_cannot_be_opened_cannot_be_pruned(path: Path) -> None:
    path.mkdir()
    assert not AuditFile(path).prune(NOW, NOW)


# ---------------------------------------------------------------------------------------------------------------------
# Damage
# ---------------------------------------------------------------------------------------------------------------------


def grown(path: Path, closes: bool) -> list[str]:
    """A file with records and its log, as a process leaves it that ends well or is killed."""
    file, said = AuditFile(path), []
    for number in range(40):
        name = f"{number}-" + "x" * (number * 97 % 700)
        assert file.write(batch(name, intents=[intent(f"i{number}")], settled=[f"i{number}"])) == ""
        said.append(name)
    file.close() if closes else died_with_its_log(file)
    return said


def died_with_its_log(file: AuditFile) -> None:
    """SQLite takes the log away when the last connection closes; a process that is killed leaves it."""
    log = Path(f"{file.path}-wal")
    whole, kept = file.path.read_bytes(), log.read_bytes()
    died(file)
    file.path.write_bytes(whole)
    log.write_bytes(kept)


def damaged(data: bytes, offset: int, how: str) -> bytes:
    if how == "cut":
        return data[:offset]
    chance = random.Random(offset)
    if how == "garbled":
        return data[:offset] + chance.randbytes(len(data) - offset)
    if how == "zeros":
        return data[:offset] + bytes(len(data) - offset)
    return data[:offset] + bytes([data[offset] ^ (1 << chance.randrange(8))]) + data[offset + 1 :]


def starts_again(path: Path, said: list[str]) -> None:
    """It keeps records again. What it has of the old ones is as it was written; what is missing is told in a gap."""
    file = AuditFile(path)
    assert file.write(batch("new", at=NOW + 60.0)) == ""
    aside = file.aside
    file.close()
    found = names(path)
    assert found[-1] == "new"
    told = [name for name in found[:-1] if name not in ("gap", "lost")]
    assert told == said[: len(told)]
    gaps = [record for record in records(path) if record.get("outcome") == "gap"]
    if len(told) < len(said):
        assert gaps
    if aside is not None:
        assert aside.exists()
        assert gaps[0]["aside"] == aside.name
    verify(path)


@pytest.mark.parametrize("how", ["cut", "garbled", "zeros", "flipped"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_starts_again_wherever_its_tail_begins(
    tmp_path_factory: pytest.TempPathFactory, how: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damage") / "audit.db"
    said = grown(path, closes=True)
    content = path.read_bytes()
    offset = data.draw(st.integers(1, len(content) - 1))
    path.write_bytes(damaged(content, offset, how))
    starts_again(path, said)


@pytest.mark.parametrize("how", ["cut", "garbled", "zeros", "flipped"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_log_starts_again_wherever_its_tail_begins(
    tmp_path_factory: pytest.TempPathFactory, how: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damage") / "audit.db"
    said = grown(path, closes=False)
    log = Path(f"{path}-wal")
    content = log.read_bytes()
    offset = data.draw(st.integers(0, len(content) - 1))
    log.write_bytes(damaged(content, offset, how))
    starts_again(path, said)


def test_a_file_that_is_no_database_is_set_aside(file: AuditFile, path: Path) -> None:
    path.write_bytes(b"this is no database" * 100)
    assert file.write(batch("a")) == ""
    assert [record["outcome"] for record in records(path)[:1]] == ["gap"]
    assert file.aside is not None
    assert file.aside.read_bytes().startswith(b"this is no database")


def test_a_new_file_says_that_one_was_set_aside_however_late_it_can_be_made(
    file: AuditFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blocking(damaged: Path, at: float) -> Path:
        aside = set_aside(damaged, at)
        damaged.mkdir()
        return aside

    path.write_bytes(b"this is no database" * 100)
    with monkeypatch.context() as patched:
        patched.setattr("kapagate.stores.audit_file.set_aside", blocking)
        assert "directory" in file.write(batch("a"))
    assert "directory" in file.write(batch("a"))
    path.rmdir()
    assert file.write(batch("a")) == ""
    assert names(path) == ["gap", "a"]
    assert records(path)[0]["aside"] == file.aside.name


def test_two_damages_in_one_second_have_two_names(path: Path) -> None:
    for _ in range(2):
        path.write_bytes(b"this is no database" * 100)
        file = AuditFile(path)
        assert file.write(batch("a")) == ""
        file.close()
    assert len({each.name for each in path.parent.glob("audit.db.damaged-*")}) == 2


def test_damage_that_shows_while_it_is_written_loses_no_record(file: AuditFile, path: Path) -> None:
    file.write(batch("before"))
    file.close()
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)
    assert file.write(batch("a", "b", intents=[intent("x")])) == ""
    assert names(path) == ["gap", "a", "b"]
    died(file)
    again = AuditFile(path)
    again.write(batch())
    again.close()
    assert names(path) == ["gap", "a", "b", "gap", "lost"] or names(path)[-1] == "x"
