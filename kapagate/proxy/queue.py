"""Who waits for a connection to an upstream: first come, first served, a bounded number for a bounded time.

What a waiter gets is a connection that just became free, or None: a place in which it may open its own. Either is the
waiter's from that moment; one that cannot take it any more, because its client has left, hands it on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from msgspec import Struct

from kapagate.chain import problems
from kapagate.chain.problem import Problem

if TYPE_CHECKING:
    from kapagate.proxy.upstream import Upstream


class Waiter(Struct, eq=False):
    """`deadline`: when it has waited long enough."""

    partition: Hashable
    deadline: float
    granted: asyncio.Future[Upstream | None]


class Queue:
    """At most `length` waiters. `hand_on` gets what a waiter was granted and cannot take."""

    def __init__(self, length: int, hand_on: Callable[[Upstream | None], None]) -> None:
        self._length = length
        self._hand_on = hand_on
        self._waiters: deque[Waiter] = deque()

    def __len__(self) -> int:
        return len(self._waiters)

    async def wait(self, partition: Hashable, deadline: float) -> Upstream | None:
        """Raises Problem `upstream-busy` when the queue is full, and when the deadline passes (`expire`)."""
        if len(self._waiters) >= self._length:
            raise busy("too many requests wait for the upstream")
        granted: asyncio.Future[Upstream | None] = asyncio.get_running_loop().create_future()
        waiter = Waiter(partition, deadline, granted)
        self._waiters.append(waiter)
        try:
            return await granted
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif not granted.cancelled() and granted.exception() is None:
                self._hand_on(granted.result())
            raise

    def first(self) -> Waiter | None:
        """Who has waited longest; who has left meanwhile does not count."""
        while self._waiters and self._waiters[0].granted.done():
            self._waiters.popleft()
        return self._waiters[0] if self._waiters else None

    def grant(self, given: Upstream | None) -> None:
        """To the first one, which there must be."""
        self._waiters.popleft().granted.set_result(given)

    def expire(self, now: float) -> None:
        """Who has waited too long is told so; all wait equally long, so that they stand in the order of deadlines."""
        while (waiter := self.first()) is not None and waiter.deadline <= now:
            self._waiters.popleft()
            waiter.granted.set_exception(busy("no connection to the upstream became free in time"))


def busy(detail: str) -> Problem:
    return Problem(problems.UPSTREAM_BUSY, detail, retry_after=1)
