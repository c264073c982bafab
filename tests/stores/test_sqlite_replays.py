from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kapagate.chain.problem import BackendFailed
from kapagate.identity.replays import Ticket
from kapagate.stores.sqlite_replays import LEASE, SqliteReplays
from tests.chain.conftest import FakeClock
from tests.stores.replays import KEEP, claimed, delivered, message


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@contextlib.asynccontextmanager
async def opened(path: Path, clock: FakeClock, owner: str = "me", beat: float = 5.0) -> AsyncIterator[SqliteReplays]:
    store = SqliteReplays(path / "r.db", clock, owner, beat=beat)
    try:
        yield store
    finally:
        await store.close()


async def test_nothing_is_opened_before_the_first_message(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock) as store:
        assert await store.failure() == ""
        assert os.listdir(tmp_path) == []


async def test_only_the_owner_may_read_the_file(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock) as store:
        await delivered(store, message(1))
        assert stat.S_IMODE((tmp_path / "r.db").stat().st_mode) == 0o600


async def test_what_was_delivered_survives_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock) as store:
        await delivered(store, message(1), 202)
    clock.now, clock.unix = 0.0, clock.unix + 1e7
    async with opened(tmp_path, clock, "another") as store:
        assert await store.claim(message(1)) == 202
        clock.advance(KEEP - 1)
        assert await store.claim(message(1)) == 202


async def test_ages_begin_anew_with_the_process(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock) as store:
        await delivered(store, message(1))
        clock.advance(KEEP - 1)
    async with opened(tmp_path, clock, "another") as store:
        await claimed(store, message("start"))
        clock.advance(KEEP - 1)
        assert await store.claim(message(1)) == 200
        clock.advance(301)
        await claimed(store, message("later"))
        assert isinstance(await store.claim(message(1)), Ticket)


async def test_processes_share_what_they_remember_and_what_is_under_way(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock, "one") as one, opened(tmp_path, clock, "two") as two:
        await delivered(one, message(1))
        ticket = await claimed(one, message(2))
        assert await two.claim(message(1)) == 200
        assert await two.claim(message(2)) is None
        one.settle(ticket, delivered=False)
        await claimed(one, message(3))
        assert isinstance(await two.claim(message(2)), Ticket)


async def test_of_many_in_two_processes_one_delivers(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock, "one") as one, opened(tmp_path, clock, "two") as two:
        found = await asyncio.gather(*(store.claim(message(1)) for store in (one, two) * 10))
        assert [type(each) for each in found].count(Ticket) == 1
        assert found.count(None) == 19


async def test_what_a_dead_process_had_under_way_lapses(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock, "dead") as store:
        await claimed(store, message(1))
    async with opened(tmp_path, clock, "next") as store:
        await claimed(store, message("start"))
        clock.advance(LEASE - 1)
        assert await store.claim(message(1)) is None
        clock.advance(1)
        assert isinstance(await store.claim(message(1)), Ticket)


async def test_what_a_living_process_has_under_way_does_not_lapse(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock, "slow", beat=0.001) as slow, opened(tmp_path, clock, "other") as other:
        ticket = await claimed(slow, message(1))
        assert await other.claim(message(1)) is None
        for _ in range(3):
            await _next_beat(tmp_path)
            clock.advance(LEASE + 1)
            assert await other.claim(message(1)) is None
        slow.settle(ticket, delivered=False)


async def test_one_that_lost_its_claim_takes_nothing_from_the_next(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock, "stopped") as stopped, opened(tmp_path, clock, "next") as after:
        lost = await claimed(stopped, message(1))
        assert await after.claim(message(1)) is None
        clock.advance(LEASE)
        await claimed(after, message(1))
        stopped.settle(lost, delivered=False)
        await claimed(stopped, message(2))
        assert await stopped.claim(message(1)) is None


@pytest.mark.parametrize("damage", ["garbage", "directory", "newer"])
async def test_a_file_that_cannot_be_used_fails_those_who_ask(tmp_path: Path, clock: FakeClock, damage: str) -> None:
    path = tmp_path / "r.db"
    if damage == "garbage":
        path.write_bytes(b"this is no database" * 100)
    elif damage == "directory":
        path.mkdir()
    else:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 9")
    async with opened(tmp_path, clock) as store:
        for _ in range(2):
            with pytest.raises(BackendFailed, match=r"r\.db"):
                await store.claim(message(1))
            assert "r.db" in await store.failure()
        path.rmdir() if path.is_dir() else path.unlink()
        assert await store.failure() == ""
        assert isinstance(await store.claim(message(1)), Ticket)


async def test_a_locked_file_fails_those_who_ask_and_works_again(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kapagate.stores.replay_file.BUSY_SECONDS", 0.01)
    async with opened(tmp_path, clock) as store:
        ticket = await claimed(store, message(1))
        with contextlib.closing(sqlite3.connect(tmp_path / "r.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(BackendFailed, match="locked"):
                await store.remember(ticket, 200)
            with pytest.raises(BackendFailed, match="locked"):
                await store.claim(message(2))
            store.settle(ticket, delivered=False)
            with pytest.raises(BackendFailed, match="locked"):
                await store.claim(message(3))
        assert "could not be written" in caplog.text
        assert isinstance(await store.claim(message(1)), Ticket)
        assert isinstance(await store.claim(message(2)), Ticket)


async def test_what_cannot_be_written_fails_who_asks_and_nobody_else(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock) as store:
        ticket = await claimed(store, message(1))
        async with asyncio.timeout(30):
            with pytest.raises(OverflowError):
                await store.remember(ticket, 1 << 64)
        assert await claimed(store, message(2))


async def test_a_file_that_is_replaced_is_opened_anew(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock) as store:
        await delivered(store, message(1))
        for each in os.listdir(tmp_path):
            os.unlink(tmp_path / each)
        assert isinstance(await store.claim(message(1)), Ticket)


async def test_a_claim_whose_exchange_was_cancelled_is_given_back(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock) as store:
        asking = asyncio.create_task(store.claim(message(1)))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await claimed(store, message(2))
        assert isinstance(await store.claim(message(1)), Ticket)


async def test_what_waits_is_written_before_it_closes(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock) as store:
        ticket = await claimed(store, message(1))
        store.settle(ticket, delivered=False)
    async with opened(tmp_path, clock, "next") as store:
        assert isinstance(await store.claim(message(1)), Ticket)


async def _next_beat(path: Path) -> None:
    before = _beat(path)
    for _ in range(1_000_000):
        await asyncio.sleep(0)
        if _beat(path) != before:
            return
    raise AssertionError("no beat")


def _beat(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path / "r.db")) as connection:
        (beat,) = connection.execute("SELECT max(beat) FROM replays").fetchone()
    return int(beat)
