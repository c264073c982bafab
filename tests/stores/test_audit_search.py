from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from kapagate.chain.problem import BackendFailed
from kapagate.ledger.record import encoded
from kapagate.ledger.selection import EVERYTHING, Selection
from kapagate.stores.audit_damage import batches
from kapagate.stores.audit_file import AuditFile, Batch
from kapagate.stores.audit_seal import Sealed
from kapagate.stores.audit_search import after, search, verify

NOW = 1_700_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Thirty records in ten batches, one batch a minute; every third is of globex."""
    file = AuditFile(tmp_path / "audit.db")
    for batch in range(10):
        rows = [
            encoded({"decision": f"{batch}.{n}", "tenant": ("globex", "acme", "acme")[n], "subject": f"s{batch}"})
            for n in range(3)
        ]
        assert file.write(Batch(NOW + 60 * batch, rows)) == ""
    yield file.path
    file.close()


def decisions(found: list[dict[str, object]]) -> list[object]:
    return [record["decision"] for record in found]


def test_the_newest_come_first_with_their_ids(path: Path) -> None:
    page = search(path, EVERYTHING, 4)
    assert decisions(page.records) == ["9.2", "9.1", "9.0", "8.2"]
    assert ([record["id"] for record in page.records], page.before) == ([30, 29, 28, 27], 27)


def test_pages_go_back_to_the_first_record_and_miss_none(path: Path) -> None:
    found, before = [], None
    while True:
        page = search(path, Selection(tenant="acme"), 3, before)
        found += decisions(page.records)
        before = page.before
        if before is None:
            break
    assert found == [f"{batch}.{n}" for batch in range(9, -1, -1) for n in (2, 1)]


def test_a_page_looks_through_a_bounded_number_of_bytes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kapagate.stores.audit_search.LOOKED_THROUGH", 100)
    page = search(path, Selection(subject="s0"), 100)
    assert (page.records, page.before) == ([], 28)
    pages = 1
    while page.before is not None:
        page, pages = search(path, Selection(subject="s0"), 100, page.before), pages + 1
    assert (decisions(page.records), pages) == (["0.2", "0.1", "0.0"], 10)


def test_records_before_a_moment_are_not_read(path: Path) -> None:
    at = Selection.of({"since": "2023-11-14T22:20:00Z"})
    assert search(path, at, 100).records == []


def test_what_came_after_a_record_is_the_oldest_first(path: Path) -> None:
    found, newest = after(path, 26, Selection(tenant="acme"))
    assert (decisions(found), newest) == (["8.2", "9.1", "9.2"], 30)
    assert after(path, 30, EVERYTHING) == ([], 30)


def test_who_follows_gets_a_record_that_is_written_meanwhile_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = AuditFile(tmp_path / "audit.db")
    assert file.write(Batch(NOW, [encoded({"decision": "first"})])) == ""

    def late(connection: sqlite3.Connection) -> Iterator[Sealed]:
        assert file.write(Batch(NOW, [encoded({"decision": "late"})])) == ""
        return batches(connection)

    with monkeypatch.context() as patched:
        patched.setattr("kapagate.stores.audit_search.batches", late)
        found, newest = after(file.path, 1, EVERYTHING)
    again, _ = after(file.path, newest, EVERYTHING)
    file.close()
    assert decisions([*found, *again]) == ["late"]


def test_a_live_file_is_only_read(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert len(search(path, EVERYTHING, 100).records) == 30


def test_reading_a_file_that_is_not_there_is_a_failed_back_end(tmp_path: Path) -> None:
    with pytest.raises(BackendFailed, match="unable to open"):
        search(tmp_path / "none.db", EVERYTHING, 1)


def test_what_was_written_is_proved_whole(path: Path) -> None:
    first, last, seal = verify(path)
    assert (first, last, len(seal)) == (1, 30, 32)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE batch SET records = replace(records, 'globex', 'acme') WHERE id = 13",
        "DELETE FROM batch WHERE id = 13",
        "UPDATE batch SET written_at = '2020-01-01T00:00:00.000Z' WHERE id = 13",
    ],
)
def test_what_was_changed_or_taken_out_shows(path: Path, change: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(change)
    with pytest.raises(BackendFailed, match="are not those that were written"):
        verify(path)
