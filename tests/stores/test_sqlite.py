from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapagate.chain.problem import BackendFailed
from kapagate.ledger.ledger import Ledger, LedgerFull
from kapagate.ledger.record import encoded
from kapagate.ledger.retention import Retention
from kapagate.ledger.selection import EVERYTHING, Selection
from kapagate.stores.audit_search import search, verify
from kapagate.stores.sqlite import SqliteLedger


@dataclass
class StoppedClock:
    at: float = 0.0

    def monotonic(self) -> float:
        return 1.0

    def wall(self) -> float:
        return self.at


@contextlib.asynccontextmanager
async def opened(path: Path, **options: Any) -> AsyncIterator[SqliteLedger]:
    ledger = SqliteLedger(path, StoppedClock(), **{"window": 60.0, "retry": 60.0, "patience": 0.001, **options})
    await ledger.start()
    try:
        yield ledger
    finally:
        await ledger.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.db"


def made(path: Path, mode: int, content: bytes = b"") -> None:
    path.write_bytes(content)
    path.chmod(mode)


@pytest.fixture
def recovered() -> Iterator[asyncio.Event]:
    """Set when a ledger says that it works again."""
    event = asyncio.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "kept again" in record.getMessage():
                event.set()

    listener = Listener()
    logging.getLogger("kapagate.stores.sqlite").addHandler(listener)
    yield event
    logging.getLogger("kapagate.stores.sqlite").removeHandler(listener)


def newest(path: Path, limit: int) -> list[dict[str, Any]]:
    return search(path, EVERYTHING, limit).records


def record(name: str) -> str:
    return encoded({"decision": name, "tenant": "acme", "received_at": "2026-01-01T00:00:00.000Z"})


async def fill(ledger: Ledger, *names: str) -> None:
    for name in names:
        await ledger.reserve()
        ledger.fill(record(name))


def names(path: Path) -> list[str]:
    return [found.get("decision") or found["outcome"] for found in newest(path, 1000)]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def test_records_come_back_newest_first_in_pages(path: Path) -> None:
    async with opened(path) as ledger:
        await fill(ledger, "a", "b", "c")
        await ledger.flush()
        page = await ledger.query(2)
        assert page == [{"id": 3, **orjson.loads(record("c"))}, {"id": 2, **orjson.loads(record("b"))}]
        assert [found["decision"] for found in await ledger.query(2, before=page[-1]["id"])] == ["a"]


async def test_a_batch_is_written_when_its_window_ends(path: Path) -> None:
    async with opened(path, window=0.001, capacity=1, patience=60.0) as ledger:
        await fill(ledger, "a")
        await ledger.reserve()
        ledger.release()
        assert names(path) == ["a"]


async def test_a_full_batch_does_not_wait_for_its_window(path: Path) -> None:
    async with opened(path, batch=2, capacity=2, patience=60.0) as ledger:
        await fill(ledger, "a", "b")
        await ledger.reserve()
        ledger.release()
        assert names(path) == ["b", "a"]


async def test_closing_writes_what_is_there(path: Path) -> None:
    async with opened(path) as ledger:
        await fill(ledger, "a")
        assert names(path) == []
    assert names(path) == ["a"]
    await ledger.close()
    with pytest.raises(BackendFailed, match="closed"):
        await ledger.flush()


async def test_a_place_is_free_again_when_its_record_is_durable(path: Path) -> None:
    async with opened(path, capacity=1) as ledger:
        await fill(ledger, "a")
        with pytest.raises(LedgerFull):
            await ledger.reserve()
        await ledger.flush()
        assert ledger.take()
        ledger.release()
        await fill(ledger, "b")
        await ledger.flush()
        assert names(path) == ["b", "a"]
        assert ledger.held == 0


async def test_a_flood_of_strangers_becomes_one_gap_record(path: Path) -> None:
    async with opened(path, share=3) as ledger:
        kept = [ledger.fill_unreserved(record(f"s{number}")) for number in range(1000)]
        assert kept == [True] * 3 + [False] * 997
        await fill(ledger, "caller")
        await ledger.flush()
        assert names(path) == ["gap", "caller", "s2", "s1", "s0"]
        assert newest(path, 1)[0]["missed"] == 997
        assert ledger.fill_unreserved(record("again"))


async def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    made(path, 0o644)
    async with opened(path) as ledger:
        await fill(ledger, "a")
        await ledger.flush()
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"audit.db": 0o600, "audit.db-wal": 0o600, "audit.db-shm": 0o600}


async def test_records_survive_a_restart_and_the_schema_has_a_version(path: Path) -> None:
    for name in ("a", "b"):
        async with opened(path) as ledger:
            await fill(ledger, name)
    assert names(path) == ["b", "a"]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_file_of_another_schema_is_left_alone(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    async with opened(path) as ledger:
        assert "schema version 99" in ledger.failure
        with pytest.raises(BackendFailed, match="schema version 99"):
            await ledger.reserve()


async def test_a_file_that_is_no_database_is_set_aside_and_that_is_said(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made(path, 0o600, b"this is no database" * 100)
    async with opened(path) as ledger:
        assert ledger.failure == ""
        await fill(ledger, "a")
    assert names(path) == ["a", "gap"]
    assert "set aside as audit.db.damaged-" in caplog.text


async def test_opening_is_tried_again_without_being_asked(path: Path, recovered: asyncio.Event) -> None:
    os.mkdir(path)
    async with opened(path, retry=0.001) as ledger:
        assert ledger.failure
        os.rmdir(path)
        await recovered.wait()
        assert ledger.failure == ""
        await fill(ledger, "a")
    assert names(path) == ["a"]


async def test_a_locked_file_keeps_the_batch_and_gives_no_places(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kapagate.stores.audit_file.BUSY_SECONDS", 0.0)
    async with opened(path) as ledger:
        await fill(ledger, "a")
        with locked(path):
            with pytest.raises(BackendFailed, match="locked"):
                await ledger.flush()
            with pytest.raises(BackendFailed, match="locked"):
                await ledger.reserve()
            assert ledger.held == 1
        await ledger.flush()
        assert ledger.held == 0
        await fill(ledger, "b")
    assert names(path) == ["b", "a"]


async def test_what_is_missed_while_nothing_can_be_kept_is_told_in_a_gap(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kapagate.stores.audit_file.BUSY_SECONDS", 0.0)
    async with opened(path, share=1) as ledger:
        with locked(path):
            await fill(ledger, "caller")
            with pytest.raises(BackendFailed):
                await ledger.flush()
            assert [ledger.fill_unreserved(record(name)) for name in ("a", "b", "c")] == [True, False, False]
        await ledger.flush()
        await ledger.flush()
    assert names(path) == ["gap", "a", "caller"]
    assert newest(path, 1)[0]["missed"] == 2


async def test_a_full_disk_gives_no_places(path: Path) -> None:
    async with opened(path, max_bytes=128 * 1024) as ledger:
        for _ in range(16):
            await ledger.reserve()
            ledger.fill(encoded({"decision": "x" * 10_000}))
        with pytest.raises(BackendFailed, match="full"):
            await ledger.flush()
        with pytest.raises(BackendFailed, match="full"):
            await ledger.reserve()
    assert names(path) == []


async def test_a_file_that_was_removed_under_us_is_made_anew(path: Path) -> None:
    async with opened(path) as ledger:
        await fill(ledger, "a")
        await ledger.flush()
        for file in path.parent.iterdir():
            file.unlink()
        await fill(ledger, "b")
        await ledger.flush()
        assert names(path) == ["b"]


async def test_closing_with_a_broken_file_ends(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.mkdir(path)
    async with opened(path) as ledger:
        assert ledger.fill_unreserved(record("a"))
    assert "1 audit records are lost" in caplog.text


@settings(max_examples=30)
@given(text=st.text(st.characters()))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "audit.db"

    async def keep() -> None:
        async with opened(path) as ledger:
            await ledger.reserve()
            ledger.fill(encoded({"tenant": text, "question": text}))

    asyncio.run(keep())
    assert newest(path, 1)[0]["question"] == text.encode("utf-8", "replace").decode()


WRITER = """
import asyncio, pathlib, sys
from kapagate.machine.clock import SystemClock
from kapagate.stores.sqlite import SqliteLedger

async def main():
    ledger = SqliteLedger(pathlib.Path(sys.argv[1]), SystemClock(), window=0.001)
    await ledger.start()
    number = 0
    while True:
        for _ in range(20):
            number += 1
            await ledger.reserve()
            ledger.fill('{"decision":"%d"}' % number)
        await ledger.flush()
        print(number, flush=True)

asyncio.run(main())
"""


def test_a_killed_process_loses_nothing_that_was_durable_and_leaves_no_hole(path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.getcwd()}
    )
    assert child.stdout is not None
    for _ in range(5):
        acknowledged = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    acknowledged = max([acknowledged, *map(int, child.stdout.read().split())])
    child.wait()
    child.stdout.close()
    written = [int(name) for name in reversed(names_of_all(path))]
    verify(path)
    assert written == list(range(1, len(written) + 1))
    assert len(written) >= acknowledged >= 100
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def names_of_all(path: Path) -> list[str]:
    return [found["decision"] for found in newest(path, 10**6)]


async def test_who_waits_for_the_disk_does_not_wait_for_the_window(path: Path) -> None:
    async with opened(path) as ledger:
        await fill(ledger, "a", "b")
        await asyncio.gather(ledger.flush(), ledger.flush(), ledger.flush())
        assert names(path) == ["b", "a"]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM batch").fetchone() == (1,)


async def test_an_intent_is_settled_by_its_record_and_otherwise_lost(path: Path) -> None:
    async with opened(path) as ledger:
        for name in ("kept", "left"):
            ledger.intend(name, record(name))
        await ledger.flush()
        await ledger.reserve()
        ledger.fill(record("kept"), "kept")
    async with opened(path):
        pass
    assert [(found["decision"], found.get("outcome")) for found in newest(path, 10)] == [
        ("left", "lost"),
        ("kept", None),
    ]


async def test_a_disk_that_does_not_answer_is_waited_for_within_bounds(path: Path) -> None:
    async with opened(path, slowest=0.001) as ledger:
        await fill(ledger, "a")
        with locked(path), pytest.raises(BackendFailed, match=r"longer than 0\.001 s"):
            await ledger.flush()


async def test_a_page_tells_where_the_next_one_goes_on(path: Path) -> None:
    async with opened(path) as ledger:
        await fill(ledger, "a", "b", "c")
        await ledger.flush()
        first = await ledger.page(Selection(tenant="acme"), 2)
        assert ([found["id"] for found in first.records], first.before) == ([3, 2], 2)
        assert (await ledger.page(Selection(tenant="globex"), 2)).records == []


def hour() -> Retention:
    retention = Retention()
    retention.ask(3600.0, None)
    return retention


async def test_what_is_older_than_the_retention_is_deleted(path: Path) -> None:
    async with opened(path) as ledger:
        await fill(ledger, "old")
    clock = StoppedClock()
    clock.at = 7200.0
    ledger = SqliteLedger(path, clock, window=60.0)
    ledger.retain(hour())
    await ledger.start()
    await fill(ledger, "new")
    await ledger.flush()
    while await ledger.prune():
        pass
    await ledger.close()
    assert names(path) == ["new"]


async def test_a_shorter_retention_deletes_at_once_and_a_longer_one_stops_it(path: Path) -> None:
    clock = StoppedClock()
    async with opened(path) as ledger:
        await fill(ledger, "older")
        await ledger.flush()
        await fill(ledger, "old")
    clock.at = 7200.0
    ledger = SqliteLedger(path, clock, window=60.0)
    await ledger.start()
    await fill(ledger, "new")
    await ledger.flush()
    assert names(path) == ["new", "old", "older"]
    ledger.retain(hour())
    async with asyncio.timeout(30):
        while len(await ledger.query(3)) > 1:
            pass
    assert names(path) == ["new"]
    ledger.retain(Retention())
    assert not await ledger.prune()
    await ledger.close()
