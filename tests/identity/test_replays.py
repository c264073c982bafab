"""What every store of deliveries promises."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kapagate.identity.replays import Delivery, Replays, ReplaysFull, Ticket
from kapagate.stores.memory_replays import MemoryReplays
from kapagate.stores.sqlite_replays import SqliteReplays
from tests.chain.conftest import FakeClock
from tests.stores.replays import KEEP, LEAST, claimed, delivered, message


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Replays]:
    if request.param == "memory":
        yield MemoryReplays(clock, capacity=8)
        return
    made = SqliteReplays(tmp_path / "r.db", clock, "me", capacity=8)
    yield made
    await made.close()


async def test_a_new_message_is_to_be_delivered(store: Replays) -> None:
    assert isinstance(await store.claim(message(1)), Ticket)


async def test_a_message_under_way_is_nobody_elses(store: Replays) -> None:
    await claimed(store, message(1))
    assert await store.claim(message(1)) is None


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_a_delivered_message_is_known_by_its_status(store: Replays, status: int) -> None:
    await delivered(store, message(1), status)
    assert await store.claim(message(1)) == status


async def test_a_message_is_under_way_until_its_answer_is_whole(store: Replays) -> None:
    ticket = await claimed(store, message(1))
    await store.remember(ticket, 200)
    assert await store.claim(message(1)) is None
    store.settle(ticket, delivered=True)
    assert await store.claim(message(1)) == 200


@pytest.mark.parametrize("remembered", [False, True])
async def test_a_failed_delivery_is_forgotten(store: Replays, remembered: bool) -> None:
    ticket = await claimed(store, message(1))
    if remembered:
        await store.remember(ticket, 200)
    store.settle(ticket, delivered=False)
    assert isinstance(await store.claim(message(1)), Ticket)


async def test_sources_know_nothing_of_each_other(store: Replays) -> None:
    await delivered(store, message(1, "crm"))
    await claimed(store, message(2, "crm"))
    assert isinstance(await store.claim(message(1, "billing")), Ticket)
    assert isinstance(await store.claim(message(2, "billing")), Ticket)


async def test_of_many_at_once_one_delivers(store: Replays) -> None:
    found = await asyncio.gather(*(store.claim(message(1)) for _ in range(20)))
    assert [type(each) for each in found].count(Ticket) == 1
    assert found.count(None) == 19


async def test_what_is_delivered_is_kept_as_long_as_it_was_asked_for(store: Replays, clock: FakeClock) -> None:
    await delivered(store, message(1))
    clock.advance(KEEP - 1)
    assert await store.claim(message(1)) == 200


async def test_what_is_old_enough_makes_room(store: Replays, clock: FakeClock) -> None:
    for _ in range(4):
        for number in range(8):
            await delivered(store, message(f"{clock.now} {number}"))
        clock.advance(KEEP + 300)
    assert isinstance(await store.claim(message("next")), Ticket)


async def test_a_jump_of_the_wall_clock_frees_nothing(store: Replays, clock: FakeClock) -> None:
    await delivered(store, message(1))
    for jump in (1e9, -2e9, 1e9):
        clock.unix += jump
        assert await store.claim(message(1)) == 200


async def test_a_source_that_is_full_is_refused_rather_than_forgotten(store: Replays, clock: FakeClock) -> None:
    for number in range(8):
        await delivered(store, message(number))
    clock.advance(LEAST - 1)
    with pytest.raises(ReplaysFull):
        await store.claim(message("more"))
    assert [await store.claim(message(number)) for number in range(8)] == [200] * 8
    assert isinstance(await store.claim(message("more", "billing")), Ticket)


async def test_a_source_that_is_full_forgets_the_oldest_that_it_may(store: Replays, clock: FakeClock) -> None:
    for number in range(8):
        await delivered(store, message(number))
        clock.advance(400)
    assert isinstance(await store.claim(message("more")), Ticket)
    assert await store.claim(message(7)) == 200
    assert await store.claim(message(6)) == 200


async def test_what_is_under_way_is_never_forgotten_for_room(store: Replays, clock: FakeClock) -> None:
    tickets = [await claimed(store, message(number)) for number in range(8)]
    clock.advance(KEEP * 2)
    with pytest.raises(ReplaysFull):
        await store.claim(message("more"))
    store.settle(tickets[3], delivered=False)
    assert isinstance(await store.claim(message("more")), Ticket)


async def test_it_says_that_it_works(store: Replays) -> None:
    assert await store.failure() == ""
    await delivered(store, message(1))
    assert await store.failure() == ""


@pytest.mark.parametrize("seed", range(5))
async def test_both_stores_come_to_the_same(clock: FakeClock, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    memory, sqlite = MemoryReplays(clock, capacity=8), SqliteReplays(tmp_path / "both.db", clock, "me", capacity=8)
    held: list[tuple[Ticket, Ticket]] = []
    for _ in range(200):
        if held and chance.random() < 0.5:
            tickets = held.pop(chance.randrange(len(held)))
            delivered, told = chance.random() < 0.5, chance.random() < 0.8
            for store, ticket in zip((memory, sqlite), tickets, strict=True):
                if told or delivered:
                    await store.remember(ticket, 202)
                store.settle(ticket, delivered)
            continue
        asked = message(chance.randrange(12), chance.choice(["crm", "billing"]))
        found = [await _outcome(store, asked) for store in (memory, sqlite)]
        assert type(found[0]) is type(found[1])
        if isinstance(found[0], Ticket) and isinstance(found[1], Ticket):
            held.append((found[0], found[1]))
        else:
            assert str(found[0]) == str(found[1])
    await sqlite.close()


async def _outcome(store: Replays, asked: Delivery) -> Ticket | int | ReplaysFull | None:
    try:
        return await store.claim(asked)
    except ReplaysFull as full:
        return full
