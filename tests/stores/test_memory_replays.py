from __future__ import annotations

from kapagate.identity.replays import Ticket
from kapagate.stores.memory_replays import MemoryReplays
from tests.chain.conftest import FakeClock
from tests.stores.replays import KEEP, claimed, delivered, message


async def test_a_message_may_come_again_when_its_time_is_over() -> None:
    clock = FakeClock()
    store = MemoryReplays(clock)
    await delivered(store, message(1))
    clock.advance(KEEP)
    assert isinstance(await store.claim(message(1)), Ticket)


async def test_it_is_bounded_for_each_source() -> None:
    clock = FakeClock()
    store = MemoryReplays(clock, capacity=10)
    for number in range(1000):
        clock.advance(601)
        await delivered(store, message(number, f"{number % 3}"))
    assert len(store) <= 30


async def test_one_that_was_settled_already_frees_no_other_claim() -> None:
    store = MemoryReplays(FakeClock())
    first = await claimed(store, message(1))
    store.settle(first, delivered=False)
    await claimed(store, message(1))
    await store.remember(first, 200)
    store.settle(first, delivered=False)
    assert await store.claim(message(1)) is None


async def test_forgets_every_message_when_told_to() -> None:
    store = MemoryReplays(FakeClock())
    await delivered(store, message(1))
    store.forget()
    assert isinstance(await store.claim(message(1)), Ticket)
