"""The way in to a ledger: who waits for a place, how long, and why not at all."""

from __future__ import annotations

import asyncio
from collections import deque

from kapagate.chain.problem import BackendFailed
from kapagate.ledger.ledger import LedgerFull
from kapagate.ledger.places import Places


class Intake:
    """Places on an event loop. Those who wait are served in the order in which they came, for `patience` seconds."""

    def __init__(self, places: Places, patience: float) -> None:
        self.places = places
        self.failure = ""
        self._patience = patience
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter_at_once(self) -> bool:
        """Takes a place, if nobody waits for one and there is one."""
        return not self.failure and not self._waiting and self.places.take()

    async def enter(self) -> None:
        """Takes a place. Raises LedgerFull, or BackendFailed while nothing can be kept."""
        if self.failure:
            raise BackendFailed(self.failure)
        if not self.enter_at_once():
            await self._wait()

    def free(self, held: int, shared: int = 0) -> None:
        """Places are free again; those who wait get them first."""
        self.places.free(held, shared)
        while self._waiting and (self._waiting[0].done() or self.places.take()):
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def fail(self, failure: str) -> None:
        """Nothing can be kept until `recover`: those who wait learn it now."""
        self.failure = failure
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(BackendFailed(failure))

    def recover(self) -> None:
        self.failure = ""

    async def _wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(self._patience):
                await waiter
        except TimeoutError:
            self._leave(waiter)
            raise LedgerFull("no place for a record became free in time") from None
        except asyncio.CancelledError:
            self._leave(waiter)
            raise

    def _leave(self, waiter: asyncio.Future[None]) -> None:
        """Out of the queue; a place that was handed over in the moment in which the wait ended goes back."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        elif not waiter.cancelled() and waiter.exception() is None:
            self.free(1)
