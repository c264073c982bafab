from __future__ import annotations

import asyncio

import pytest

from kapagate.chain.problem import BackendFailed
from kapagate.ledger.intake import Intake
from kapagate.ledger.ledger import LedgerFull
from kapagate.ledger.places import Places


def intake(capacity: int = 1, patience: float = 60.0) -> Intake:
    return Intake(Places(capacity, 1), patience)


async def waiting(door: Intake) -> asyncio.Task[None]:
    task = asyncio.create_task(door.enter())
    await asyncio.sleep(0)
    return task


async def test_a_free_place_is_taken_at_once() -> None:
    door = intake()
    await door.enter()
    assert door.places.held == 1


async def test_who_came_first_gets_the_first_free_place() -> None:
    door = intake()
    await door.enter()
    first, second = await waiting(door), await waiting(door)
    door.free(1)
    await first
    assert not second.done()
    door.free(1)
    await second
    assert door.places.held == 1


async def test_nobody_overtakes_those_who_wait() -> None:
    door = intake()
    await door.enter()
    first = await waiting(door)
    door.free(1)
    late = await waiting(door)
    assert first.done()
    assert not late.done()
    late.cancel()


async def test_waiting_is_bounded() -> None:
    door = intake(patience=0.001)
    await door.enter()
    with pytest.raises(LedgerFull):
        await door.enter()
    door.free(1)
    await door.enter()


async def test_a_place_given_to_somebody_who_is_cancelled_in_that_moment_is_not_lost() -> None:
    door = intake()
    await door.enter()
    leaving = await waiting(door)
    door.free(1)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert door.places.held == 0


async def test_who_waits_in_vain_leaves_no_trace() -> None:
    door = intake()
    await door.enter()
    leaving, staying = await waiting(door), await waiting(door)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    door.free(1)
    await staying
    assert door.places.held == 1


async def test_a_failure_is_learnt_by_those_who_wait_and_those_who_come() -> None:
    door = intake()
    await door.enter()
    waiter = await waiting(door)
    door.fail("disk full")
    with pytest.raises(BackendFailed, match="disk full"):
        await waiter
    with pytest.raises(BackendFailed, match="disk full"):
        await door.enter()
    door.recover()
    door.free(1)
    await door.enter()
