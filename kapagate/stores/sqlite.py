"""Records in SQLite: one file, one writer thread, one commit per batch.

The loop collects records for a window (50 ms) or a batch (512), then hands them to the thread, which writes them as one
row and waits for the disk (`synchronous=FULL`, WAL). So a crash of the process or of the machine loses at most the
window and the batch under way, and never half a batch. Who must know that a record is durable (`flush`) does not wait
for the window: all who come while a batch is written share the next one.

Whatever goes wrong - locked, full, replaced, read-only - is treated alike: the connection is closed, the batch is
kept, nobody gets a place, and opening is tried again every `retry` seconds until it works. What found no place
meanwhile is told in one gap record. Only a file that is damaged is set aside and begun anew (`audit_file`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kapagate.chain.clock import Clock
from kapagate.chain.problem import BackendFailed
from kapagate.ledger.intake import Intake
from kapagate.ledger.ledger import Page, Row
from kapagate.ledger.places import Places
from kapagate.ledger.record import gap
from kapagate.ledger.retention import Retention
from kapagate.ledger.selection import EVERYTHING, Selection
from kapagate.stores.audit_file import AuditFile, Batch
from kapagate.stores.audit_search import search

log = logging.getLogger(__name__)

PRUNE_EVERY = 60.0


class SqliteLedger:
    """A `Ledger` in a file of mode 0600. `start` before use, `close` after. Times in seconds, sizes in bytes.

    `capacity` records of exchanges and `share` records without a place are held at most; `patience` is the longest
    wait for a place, `slowest` that for the disk. The file never grows beyond `max_bytes` (0: no such bound).
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        capacity: int = 4096,
        share: int = 512,
        window: float = 0.05,
        batch: int = 512,
        patience: float = 0.25,
        slowest: float = 5.0,
        retry: float = 1.0,
        max_bytes: int = 0,
    ) -> None:
        self._file = AuditFile(path, max_bytes)
        self._clock = clock
        self._places = Places(capacity, share)
        self._intake = Intake(self._places, patience)
        self._window, self._most, self._retry, self._slowest = window, batch, retry, slowest
        self._retention = Retention()
        self._retained = asyncio.Event()
        self._batch = Batch(0.0)
        self._shared = 0
        self._due = asyncio.Event()
        self._flushes: list[asyncio.Future[None]] = []
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._closing = False
        self._work: asyncio.Task[None] | None = None
        self._pruning: asyncio.Task[None] | None = None

    @property
    def failure(self) -> str:
        return self._intake.failure

    @property
    def held(self) -> int:
        return self._places.held

    async def start(self) -> None:
        """Opens the file. One that cannot be opened does not raise: `failure` says why, and it is tried again."""
        failure = await self._in_thread(self._file.write, Batch(self._clock.wall()))
        if failure:
            self._fail(failure)
            self._due.set()
        self._work = asyncio.create_task(self._write_batches())
        self._pruning = asyncio.create_task(self._prune_on())

    def take(self) -> bool:
        return self._intake.enter_at_once()

    async def reserve(self) -> None:
        await self._intake.enter()

    def intend(self, decision: str, intent: Row) -> None:
        self._batch.intents.append(intent)

    def fill_unreserved(self, row: Row, settles: str = "") -> bool:
        if settles:
            self._batch.settled.append(settles)
        if not self._places.take_shared():
            return False
        self._shared += 1
        self.fill(row)
        return True

    def fill(self, row: Row, settles: str = "") -> None:
        """Takes a record whose place is taken. The first one of a batch starts the window."""
        rows = self._batch.rows
        rows.append(row)
        if settles:
            self._batch.settled.append(settles)
        if len(rows) == 1:
            asyncio.get_running_loop().call_later(self._window, self._due.set)
        elif len(rows) == self._most:
            self._due.set()

    def release(self) -> None:
        """Frees a place that will not be filled."""
        self._intake.free(1)

    def retain(self, retention: Retention) -> None:
        self._retention = retention
        self._retained.set()

    async def page(self, selection: Selection, limit: int, before: int | None = None) -> Page:
        return await asyncio.to_thread(search, self._file.path, selection, limit, before)

    async def query(self, limit: int, before: int | None = None, selection: Selection = EVERYTHING) -> list[Any]:
        return (await self.page(selection, limit, before)).records

    async def flush(self) -> None:
        if self._work is None or self._work.done():
            raise BackendFailed("the ledger is closed")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flushes.append(done)
        self._due.set()
        try:
            async with asyncio.timeout(self._slowest):
                await done
        except TimeoutError:
            raise BackendFailed(f"the disk took longer than {self._slowest:g} s") from None

    async def prune(self) -> bool:
        """Deletes some of what is too old or too much; whether there was any."""
        now = self._clock.wall()
        before = max(0.0, now - self._retention.seconds)
        pruned: bool = await self._in_thread(self._file.prune, before, now, self._retention.size)
        return pruned

    async def close(self) -> None:
        """Writes what is there, once; what cannot be written is lost and said in the log."""
        if self._work is None or self._closing:
            return
        self._closing = True
        self._due.set()
        await self._work
        if self._pruning is not None:
            self._pruning.cancel()
            await asyncio.wait([self._pruning])
        await self._in_thread(self._file.close)
        self._thread.shutdown()

    async def _write_batches(self) -> None:
        while not self._closing or self._batch.rows or self._batch.settled or self._flushes:
            await self._due.wait()
            self._due.clear()
            batch, shared, flushes = self._batch, self._shared, self._flushes
            self._batch, self._shared, self._flushes = Batch(0.0), 0, []
            batch.at = self._clock.wall()
            missed = self._places.take_missed()
            if missed:
                batch.rows.append(gap("full", batch.at, missed=missed))
            written = await self._written(batch, flushes)
            self._intake.free(len(batch.rows) - shared - bool(missed), shared)
            if not written:
                log.error("%d audit records are lost: %s", len(batch.rows) + len(self._batch.rows), self.failure)
                return

    async def _written(self, batch: Batch, flushes: Iterable[asyncio.Future[None]]) -> bool:
        """Tries until it succeeds; False when the ledger closes before that."""
        while failure := await self._in_thread(self._file.write, batch):
            self._fail(failure)
            _settle([*flushes, *self._flushes], BackendFailed(failure))
            flushes, self._flushes = (), []
            if self._closing:
                return False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._retry)
            self._due.clear()
        if self.failure:
            log.warning("audit records are kept again")
            self._intake.recover()
            self._due.set()
        if self._file.aside is not None:
            log.error("the file of audit records was damaged and is set aside as %s", self._file.aside.name)
            self._file.aside = None
        _settle(flushes, None)
        return True

    async def _prune_on(self) -> None:
        """Every minute and when less is to be kept, some at a time, so that records to be written do not wait long."""
        while True:
            self._retained.clear()
            while self._retention.bounded and await self.prune():
                pass
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._retained.wait(), PRUNE_EVERY)

    def _fail(self, failure: str) -> None:
        if failure != self.failure:
            log.error("audit records cannot be kept: %s", failure)
        self._intake.fail(failure)

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)


def _settle(futures: Iterable[asyncio.Future[None]], failure: Exception | None) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(failure) if failure else future.set_result(None)
