"""Deliveries in SQLite: one file, one thread, one transaction for all that waits.

Only what is remembered waits for the disk: a claim need not outlive the machine, as it ends with the process.
The file is opened by the first webhook. What fails - locked, full, corrupt, read-only - fails those who asked, and the
next ones try again: a webhook that cannot be remembered is not delivered.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from kapagate.chain.clock import Clock
from kapagate.chain.problem import BackendFailed
from kapagate.identity.replays import Delivery, Ticket
from kapagate.stores.memory_replays import CAPACITY
from kapagate.stores.replay_file import Operation, ReplayFile

LEASE = 30.0
BEAT = 5.0
log = logging.getLogger(__name__)


class SqliteReplays:
    """`Replays` in a file of mode 0600. Closed with `close`, after the last exchange.

    `owner` is different in every process that shares the file. What a process has under way is said to be every `beat`
    seconds; where that was not said for `lease` seconds, it is taken over.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        owner: str,
        *,
        capacity: int = CAPACITY,
        lease: float = LEASE,
        beat: float = BEAT,
    ) -> None:
        self._file = ReplayFile(path, owner, capacity, lease)
        self._clock = clock
        self._beat = beat
        self._thread = ThreadPoolExecutor(1, "replays")
        self._asked: list[tuple[Operation, asyncio.Future[Any]]] = []
        self._durable = False
        self._work: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def claim(self, delivery: Delivery) -> Ticket | int | None:
        asked = self._ask(partial(self._file.claim, delivery))
        try:
            found: Ticket | int | None = await asyncio.shield(asked)
        except asyncio.CancelledError:
            asked.add_done_callback(self._unwanted)
            raise
        if isinstance(found, Ticket):
            self._go_on_beating()
        return found

    async def remember(self, ticket: Ticket, status: int) -> None:
        self._durable = True
        await asyncio.shield(self._ask(lambda now: self._file.remember(ticket, status)))

    def settle(self, ticket: Ticket, delivered: bool) -> None:
        asked = self._ask(lambda now: self._file.settle(ticket, delivered))
        asked.add_done_callback(_say_failure)
        asked.add_done_callback(lambda _: self._file.let_go(ticket))

    async def failure(self) -> str:
        """Tries it; a file that no webhook has asked for yet is left alone."""
        if self._work is None:
            return ""
        try:
            await asyncio.shield(self._ask(lambda now: None))
        except BackendFailed as cause:
            return str(cause)
        return ""

    async def close(self) -> None:
        """Does what waits, and closes the file."""
        if self._timer is not None:
            self._timer.cancel()
        if self._work is not None:
            await self._work
        await asyncio.get_running_loop().run_in_executor(self._thread, self._file.close)
        self._thread.shutdown()

    def _ask(self, operation: Operation) -> asyncio.Future[Any]:
        asked: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        asked.add_done_callback(_retrieved)
        self._asked.append((operation, asked))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._do_all())
        return asked

    async def _do_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._asked:
            batch, self._asked = self._asked, []
            durable, self._durable = self._durable, False
            operations = [operation for operation, _ in batch]
            now = self._clock.monotonic()
            try:
                done = await loop.run_in_executor(self._thread, self._file.run, operations, now, durable)
            except Exception as cause:
                done = [cause] * len(batch)
            for (_, asked), result in zip(batch, done, strict=True):
                _settle(asked, result)

    def _go_on_beating(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._beat, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._file.held:
            self._ask(lambda now: self._file.beat()).add_done_callback(_say_failure)
            self._go_on_beating()

    def _unwanted(self, asked: asyncio.Future[Any]) -> None:
        """A claim whose exchange was cancelled meanwhile."""
        if not asked.cancelled() and asked.exception() is None and isinstance(asked.result(), Ticket):
            self.settle(asked.result(), delivered=False)


def _settle(asked: asyncio.Future[Any], result: Any) -> None:
    if asked.done():
        return
    if isinstance(result, BaseException):
        asked.set_exception(result)
    else:
        asked.set_result(result)


def _retrieved(asked: asyncio.Future[Any]) -> None:
    """Whoever asked may be gone; then nobody else looks at the failure."""
    if not asked.cancelled():
        asked.exception()


def _say_failure(asked: asyncio.Future[Any]) -> None:
    if not asked.cancelled() and (cause := asked.exception()) is not None:
        log.error("what became of a webhook could not be written: %s", cause)
