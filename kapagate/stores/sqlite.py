"""Records in SQLite: one file, one writer thread, one statement per batch.

The loop collects records for a window (50 ms) or a batch (512), then hands them to the thread, which
writes them with one `INSERT ... SELECT ... FROM json_each(?)` and waits for the disk (`synchronous=FULL`, WAL). So a
crash of the process or of the machine loses at most the window and the batch under way, and never half a batch.

Whatever goes wrong - locked, full, corrupt, replaced, read-only - is treated alike: the connection is closed, the
batch is kept, nobody gets a place, and opening is tried again every `retry` seconds until it works. What found no
place meanwhile is told in one gap record.
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
from kapagate.ledger.ledger import Row
from kapagate.ledger.places import Places
from kapagate.ledger.record import encoded, gap
from kapagate.stores.audit_file import STATEMENT_ROWS, AuditFile, newest

log = logging.getLogger(__name__)


class SqliteLedger:
    """A `Ledger` in a file of mode 0600. `start` before use, `close` after. Times in seconds, sizes in bytes.

    `capacity` records of exchanges and `share` records without a place are held at most; `patience` is the longest
    wait for a place. The file grows to `max_bytes` (0: as far as the disk allows).
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        capacity: int = 4096,
        share: int = 512,
        window: float = 0.05,
        batch: int = STATEMENT_ROWS,
        patience: float = 0.25,
        retry: float = 1.0,
        max_bytes: int = 0,
    ) -> None:
        self._file = AuditFile(path, max_bytes)
        self._clock = clock
        self._places = Places(capacity, share)
        self._intake = Intake(self._places, patience)
        self._window, self._batch, self._retry = window, batch, retry
        self._rows: list[Row] = []
        self._shared = 0
        self._due = asyncio.Event()
        self._flushes: list[asyncio.Future[None]] = []
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._closing = False
        self._work: asyncio.Task[None] | None = None

    @property
    def failure(self) -> str:
        return self._intake.failure

    @property
    def held(self) -> int:
        return self._places.held

    async def start(self) -> None:
        """Opens the file. One that cannot be opened does not raise: `failure` says why, and it is tried again."""
        failure = await self._in_thread(self._file.write, [])
        if failure:
            self._fail(failure)
            self._due.set()
        self._work = asyncio.create_task(self._write_batches())

    async def reserve(self) -> SqliteLedger:
        """The ledger is its own place."""
        await self._intake.enter()
        return self

    def fill_unreserved(self, row: Row) -> bool:
        if not self._places.take_shared():
            return False
        self._shared += 1
        self.fill(row)
        return True

    def fill(self, row: Row) -> None:
        """Takes a record whose place is taken. The first one of a batch starts the window."""
        self._rows.append(row)
        if len(self._rows) == 1:
            asyncio.get_running_loop().call_later(self._window, self._due.set)
        elif len(self._rows) == self._batch:
            self._due.set()

    def release(self) -> None:
        """Frees a place that will not be filled."""
        self._intake.free(1)

    async def query(self, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        return await asyncio.to_thread(newest, self._file.path, limit, before)

    async def flush(self) -> None:
        if self._work is None or self._work.done():
            raise BackendFailed("the ledger is closed")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flushes.append(done)
        self._due.set()
        await done

    async def close(self) -> None:
        """Writes what is there, once; what cannot be written is lost and said in the log."""
        if self._work is None or self._closing:
            return
        self._closing = True
        self._due.set()
        await self._work
        await self._in_thread(self._file.close)
        self._thread.shutdown()

    async def _write_batches(self) -> None:
        while not self._closing or self._rows or self._flushes:
            await self._due.wait()
            self._due.clear()
            rows, shared, flushes = self._rows, self._shared, self._flushes
            self._rows, self._shared, self._flushes = [], 0, []
            missed = self._places.take_missed()
            if missed:
                rows.append(encoded(gap(missed, self._clock.wall())))
            written = await self._written(rows, flushes)
            self._intake.free(len(rows) - shared - bool(missed), shared)
            if not written:
                log.error("%d audit records are lost: %s", len(rows) + len(self._rows), self.failure)
                return

    async def _written(self, rows: list[bytes], flushes: Iterable[asyncio.Future[None]]) -> bool:
        """Tries until it succeeds; False when the ledger closes before that."""
        while failure := await self._in_thread(self._file.write, rows):
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
        _settle(flushes, None)
        return True

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
