"""Claims in SQLite and in memory: looked up here without waiting, and stored before the ids they are about are told.

The loop collects claims until it comes round again, and while a batch is being written, then hands them to the thread,
which writes them with one statement: the busier it is, the more go together. Nobody is told an id before its batch is
committed. Look-ups ask the memory alone, so what is foreign takes as long as what is unknown; the file is read when the
process starts.

When a batch cannot be written, those who wait learn it at once, and all others before they begin, until the file takes
something again (tried every `retry` seconds).
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kapagate.chain.clock import Clock
from kapagate.chain.problem import BackendFailed
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.stores.owner_file import Claim, OwnerFile

log = logging.getLogger(__name__)
Waiting = list[asyncio.Future[None]]


class SqliteOwners:
    """`Owners` (kapagate.kapa.ownership) of at most `most` ids, in a file of mode 0600. `start` before use, `close`
    after. An id takes about 200 bytes of memory.
    """

    def __init__(self, path: Path, clock: Clock, *, most: int = 200_000, retry: float = 1.0) -> None:
        self._file = OwnerFile(path, most)
        self._memory = MemoryOwners(clock, most)
        self._clock = clock
        self._retry = retry
        self._claims: list[Claim] = []
        self._waiting: Waiting = []
        self._idle = asyncio.Event()
        self._due: asyncio.Handle | None = None
        self._thread = ThreadPoolExecutor(1, "owners")
        self._work: Callable[[Sequence[Claim]], None] = self._read
        self._closed = False
        self.failure = ""

    async def start(self) -> None:
        """Reads the file. One that cannot be read does not raise: `failure` says why, and it is tried again, a first
        time at once: what was ruined has been set aside.
        """
        for _ in range(2):
            self._begin()
            await self._idle.wait()
            if not self.failure:
                return

    def claim(self, owner: str, names: Sequence[str], until: float) -> Awaitable[None] | None:
        self._check()
        granted = self._memory.grant(owner, names, until)
        if not granted:
            return None
        self._claims += [(name, owner, until) for name in granted]
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(stored)
        if self._due is None and self._idle.is_set():
            self._due = asyncio.get_running_loop().call_soon(self._begin)
        return stored

    async def owner_of(self, name: str) -> str | None:
        self._check()
        return await self._memory.owner_of(name)

    async def owned_by(self, owner: str) -> Collection[str]:
        self._check()
        loop, now = asyncio.get_running_loop(), self._clock.wall()
        try:
            return await loop.run_in_executor(self._thread, self._file.owned_by, owner, now)
        except (sqlite3.Error, OSError) as cause:
            raise BackendFailed(f"{self._file.path.name}: {cause}") from cause

    async def close(self) -> None:
        """Writes what is there, once. Those who still wait learn whether that was possible."""
        if self._closed:
            return
        self._closed = True
        if self._due is not None:
            self._begin()
        while not self._idle.is_set():
            await self._idle.wait()
        self._thread.submit(self._file.close)
        self._thread.shutdown()

    def _check(self) -> None:
        if self.failure or self._closed:
            raise BackendFailed(self.failure or "who owns what is not kept any more")

    def _begin(self) -> None:
        """Hands what has been collected to the thread."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self._idle.clear()
        claims, waiting = self._claims, self._waiting
        self._claims, self._waiting = [], []
        self._thread.submit(self._in_thread, asyncio.get_running_loop(), claims, waiting)

    def _in_thread(self, loop: asyncio.AbstractEventLoop, claims: Sequence[Claim], waiting: Waiting) -> None:
        """Tells the loop whatever became of it: those who wait would do so for ever."""
        failure = ""
        try:
            self._work(claims)
        except Exception as cause:
            failure = f"{self._file.path.name}: {cause}"
        loop.call_soon_threadsafe(self._end, waiting, failure)

    def _read(self, claims: Sequence[Claim]) -> None:
        """The first work: until it is done there are no claims."""
        for name, owner, until in self._file.read(self._clock.wall()):
            self._memory.grant(owner, [name], until)
        self._work = self._file.write

    def _end(self, waiting: Waiting, failure: str) -> None:
        """What came of a batch. A new one begins where claims came meanwhile."""
        if failure != self.failure:
            log.log(logging.ERROR if failure else logging.WARNING, _told(failure))
        self.failure = failure
        self._idle.set()
        if failure:
            waiting, self._waiting = waiting + self._waiting, []
            self._claims = []
        _settle(waiting, failure)
        if self._waiting:
            self._begin()
        elif failure and not self._closed:
            self._due = asyncio.get_running_loop().call_later(self._retry, self._begin)


def _told(failure: str) -> str:
    return f"who owns what cannot be stored: {failure}" if failure else "who owns what is stored again"


def _settle(waiting: Waiting, failure: str) -> None:
    for stored in waiting:
        if not stored.done():
            stored.set_exception(BackendFailed(failure)) if failure else stored.set_result(None)
