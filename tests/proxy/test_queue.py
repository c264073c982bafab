from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kapagate.chain.problem import Problem
from kapagate.proxy.queue import Queue


class Recorded:
    """A queue, and what was handed on."""

    def __init__(self, length: int = 3) -> None:
        self.handed_on: list[Any] = []
        self.queue = Queue(length, self.handed_on.append)

    async def waiting(self, partition: str = "a", deadline: float = 10.0) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(self.queue.wait(partition, deadline))
        await asyncio.sleep(0)
        return task


async def test_grants_in_the_order_in_which_they_came() -> None:
    line = Recorded()
    first, second = await line.waiting("a"), await line.waiting("b")
    assert line.queue.first().partition == "a"
    line.queue.grant(None)
    assert line.queue.first().partition == "b"
    line.queue.grant(None)
    assert await asyncio.gather(first, second) == [None, None]
    assert line.queue.first() is None


async def test_a_full_queue_refuses_at_once() -> None:
    line = Recorded(length=1)
    first = await line.waiting()
    with pytest.raises(Problem, match="upstream-busy") as refused:
        await line.queue.wait("a", 10.0)
    assert refused.value.retry_after == 1
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_who_has_waited_too_long_is_refused_and_the_others_wait_on() -> None:
    line = Recorded()
    early, late = await line.waiting(deadline=1.0), await line.waiting(deadline=2.0)
    line.queue.expire(1.5)
    with pytest.raises(Problem, match="upstream-busy"):
        await early
    assert not late.done()
    line.queue.grant(None)
    assert await late is None


async def test_who_has_left_is_passed_over() -> None:
    line = Recorded()
    leaving, staying = await line.waiting("a"), await line.waiting("b")
    leaving.cancel()
    assert line.queue.first().partition in "ab"
    await asyncio.gather(leaving, return_exceptions=True)
    assert line.queue.first().partition == "b"
    assert len(line.queue) == 1
    line.queue.grant(None)
    assert await staying is None
    assert line.handed_on == []


async def test_a_cancelled_waiter_is_passed_over_before_it_knows() -> None:
    line = Recorded()
    leaving, staying = await line.waiting("a"), await line.waiting("b")
    leaving.cancel()
    assert line.queue.first() is not None
    line.queue.grant(None)
    assert await staying is None
    await asyncio.gather(leaving, return_exceptions=True)
    assert line.handed_on == []


async def test_what_was_granted_to_one_that_leaves_is_handed_on() -> None:
    line = Recorded()
    leaving = await line.waiting()
    line.queue.grant(None)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert line.handed_on == [None]


async def test_a_refusal_that_meets_a_leaving_client_is_nobodys() -> None:
    line = Recorded()
    leaving = await line.waiting(deadline=1.0)
    line.queue.expire(2.0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert line.handed_on == []
