from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from kapagate.chain.problem import BackendFailed
from kapagate.stores.owner_file import Claim
from kapagate.stores.sqlite_owners import SqliteOwners
from tests.chain.conftest import FakeClock

CLOCK = FakeClock()
LATER = CLOCK.wall() + 3600.0
AGAIN = "who owns what is stored again"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db.owners"


@contextlib.asynccontextmanager
async def opened(path: Path, retry: float = 60.0) -> AsyncIterator[SqliteOwners]:
    owners = SqliteOwners(path, CLOCK, most=100, retry=retry)
    await owners.start()
    try:
        yield owners
    finally:
        await owners.close()


@pytest.fixture
def recovered() -> Iterator[asyncio.Event]:
    """Set when a store says that it works again."""
    event = asyncio.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() == AGAIN:
                event.set()

    listener = Listener()
    logger = logging.getLogger("kapagate.stores.sqlite_owners")
    logger.addHandler(listener)
    yield event
    logger.removeHandler(listener)


def stored(path: Path) -> set[tuple[str, str]]:
    with sqlite3.connect(path) as connection:
        return {*connection.execute("SELECT name, owner FROM claims")}


def block(path: Path) -> None:
    path.rename(path.with_name("kept"))
    path.mkdir()


def unblock(path: Path) -> None:
    path.rmdir()
    path.with_name("kept").rename(path)


def ruin(path: Path) -> None:
    path.write_bytes(b"no database" * 100)


def ruins(path: Path) -> bool:
    return path.with_name(f"{path.name}.ruined").exists()


async def claimed(owners: SqliteOwners, owner: str, *names: str, until: float = LATER) -> None:
    """Claims ids of which some are granted, and waits until that is stored."""
    stored = owners.claim(owner, names, until)
    assert stored is not None
    await stored


async def test_a_claim_is_in_the_file_when_it_is_said_to_be(path: Path) -> None:
    async with opened(path) as owners:
        await claimed(owners, "ann", "a", "b")
        assert stored(path) == {("a", "ann"), ("b", "ann")}
        assert await owners.owner_of("a") == "ann"


async def test_claims_survive_a_restart(path: Path) -> None:
    async with opened(path) as owners:
        await claimed(owners, "ann", "a", "b")
        await claimed(owners, "bob", "c", until=CLOCK.wall())
    async with opened(path) as owners:
        assert [await owners.owner_of(name) for name in "abc"] == ["ann", "ann", None]
        assert await owners.owned_by("ann") == {"a", "b"}


async def test_an_id_stays_with_whoever_claimed_it_first_and_is_not_written_again(path: Path) -> None:
    async with opened(path) as owners:
        await claimed(owners, "ann", "a")
        await claimed(owners, "bob", "a", "b")
        assert owners.claim("bob", ["a"], LATER) is None
        assert stored(path) == {("a", "ann"), ("b", "bob")}
        assert await owners.owner_of("a") == "ann"


async def test_claims_of_one_round_of_the_loop_are_committed_together(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(path) as owners:
        batches: list[int] = []
        write = owners._file.write

        def counted(claims: Sequence[Claim]) -> None:
            batches.append(len(claims))
            write(claims)

        monkeypatch.setattr(owners, "_work", counted)
        await asyncio.gather(*(claimed(owners, "ann", f"t{number}", f"q{number}") for number in range(50)))
        assert batches == [100]


async def test_claims_that_come_while_others_are_written_go_together_behind_them(path: Path) -> None:
    async with opened(path) as owners:
        first = asyncio.ensure_future(claimed(owners, "ann", "a"))
        await asyncio.sleep(0)
        await asyncio.gather(first, *(claimed(owners, "ann", f"b{number}") for number in range(20)))
        assert len(stored(path)) == 21


async def test_one_who_leaves_takes_nobody_along(path: Path) -> None:
    async with opened(path) as owners:
        leaving = asyncio.ensure_future(claimed(owners, "ann", "a"))
        staying = asyncio.ensure_future(claimed(owners, "bob", "b"))
        await asyncio.sleep(0)
        leaving.cancel()
        await staying
        assert stored(path) == {("a", "ann"), ("b", "bob")}


async def test_who_waits_for_a_batch_that_fails_is_told_so_and_others_before_they_begin(path: Path) -> None:
    async with opened(path) as owners:
        with sqlite3.connect(path) as connection:
            connection.execute("ALTER TABLE claims RENAME TO elsewhere")
        with pytest.raises(BackendFailed, match="no such table"):
            await claimed(owners, "ann", "a")
        assert "no such table" in owners.failure
        with pytest.raises(BackendFailed):
            owners.claim("ann", ["b"], LATER)
        with pytest.raises(BackendFailed):
            await owners.owner_of("a")
        with pytest.raises(BackendFailed):
            await owners.owned_by("ann")


async def test_a_store_that_fails_is_tried_until_it_works(path: Path, recovered: asyncio.Event) -> None:
    async with opened(path, retry=0.001) as owners:
        with sqlite3.connect(path) as connection:
            connection.execute("ALTER TABLE claims RENAME TO elsewhere")
        with pytest.raises(BackendFailed):
            await claimed(owners, "ann", "a")
        with sqlite3.connect(path) as connection:
            connection.execute("ALTER TABLE elsewhere RENAME TO claims")
        async with asyncio.timeout(30):
            await recovered.wait()
        assert owners.failure == ""
        await claimed(owners, "ann", "b")
        assert ("b", "ann") in stored(path)


async def test_a_file_that_cannot_be_opened_at_the_start_is_read_when_it_can(
    path: Path, recovered: asyncio.Event
) -> None:
    async with opened(path) as owners:
        await claimed(owners, "ann", "a")
    block(path)
    async with opened(path, retry=0.001) as owners:
        assert owners.failure.startswith(path.name)
        unblock(path)
        async with asyncio.timeout(30):
            await recovered.wait()
        assert await owners.owner_of("a") == "ann"


async def test_a_ruined_file_is_set_aside_at_the_start(path: Path) -> None:
    ruin(path)
    async with opened(path) as owners:
        assert owners.failure == ""
        await claimed(owners, "ann", "a")
    assert ruins(path)


async def test_a_file_of_which_nobody_can_make_sense_is_a_failure_too(path: Path) -> None:
    async with opened(path) as owners:
        await claimed(owners, "ann", "a")
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO claims (name, owner, until) VALUES ('b', 'bob', 'never'), ('b', 'eve', 'ever')")
    async with asyncio.timeout(30), opened(path) as owners:
        assert "not supported" in owners.failure


async def test_closing_writes_what_is_there_and_takes_nothing_more(path: Path) -> None:
    owners = SqliteOwners(path, CLOCK)
    await owners.start()
    waiting = asyncio.ensure_future(claimed(owners, "ann", "a"))
    await asyncio.sleep(0)
    await owners.close()
    await waiting
    assert stored(path) == {("a", "ann")}
    with pytest.raises(BackendFailed):
        owners.claim("ann", ["b"], LATER)
    await owners.close()
