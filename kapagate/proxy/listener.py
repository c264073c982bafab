"""A door: accepts connections, sweeps their deadlines, and drains them when it closes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy

from kapagate.chain.clock import Clock
from kapagate.chain.problem import Problem
from kapagate.proxy.bounds import Deadlines, Limits
from kapagate.proxy.downstream import Downstream
from kapagate.proxy.terms import Refused, Terms

if TYPE_CHECKING:
    from kapagate.chain.entry import Application


LAST_WORDS = 1.0
"""How long exchanges that were cut may take to be recorded."""


def _unnoticed(problem: Problem, client: str) -> None:
    return None


class Listener:
    """Serves `application` on a TCP address; port 0 takes a free one, `address` says which.

    `start` opens, `stop_accepting` closes the door, `drain` ends what is left: idle connections at once, running
    exchanges when they are done or, after `timeout` seconds, in the middle. Deadlines are checked every `granularity`
    seconds.
    """

    def __init__(
        self,
        application: Application,
        host: str,
        port: int,
        *,
        clock: Clock,
        limits: Limits | None = None,
        deadlines: Deadlines | None = None,
        refused: Refused = _unnoticed,
        secure: bool = False,
        granularity: float = 0.5,
        backlog: int = 1024,
    ) -> None:
        if HttpRequestParser is HttpRequestParserPy:
            raise RuntimeError("aiohttp was installed without its C parser, which reads requests more strictly")
        self._wanted = (host, port)
        self._serving = (application, clock, limits or Limits(), deadlines or Deadlines(), refused, secure)
        self._granularity = granularity
        self._backlog = backlog
        self._terms: Terms | None = None
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def terms(self) -> Terms:
        if self._terms is None:
            raise RuntimeError("the listener was not started")
        return self._terms

    @property
    def address(self) -> tuple[str, int]:
        if self._server is None:
            raise RuntimeError("the listener was not started")
        host, port, *_ = self._server.sockets[0].getsockname()
        return host, port

    @property
    def active(self) -> int:
        """How many connections are open."""
        return len(self._terms.connections) if self._terms else 0

    async def start(self) -> None:
        """Raises OSError when the address cannot be had."""
        self._terms = terms = Terms(*self._serving)
        host, port = self._wanted
        self._server = await terms.loop.create_server(lambda: Downstream(terms), host, port, backlog=self._backlog)
        self._timer = terms.loop.call_later(self._granularity, self._tick)

    def stop_accepting(self) -> None:
        if self._server is not None:
            self._server.close()

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - the bound of a phase, not of one call
        terms = self.terms
        terms.draining = True
        terms.empty.clear()
        for connection in tuple(terms.connections):
            connection.retire()
        try:
            await self._until_empty(timeout)
        finally:
            for connection in tuple(terms.connections):
                connection.abort()
            if terms.tasks:
                await asyncio.wait(tuple(terms.tasks), timeout=LAST_WORDS)
            if self._timer is not None:
                self._timer.cancel()

    def sweep(self) -> None:
        """Ends what is past its deadline."""
        now = self.terms.clock.monotonic()
        for connection in tuple(self.terms.connections):
            if connection.read_deadline <= now or connection.write_deadline <= now:
                connection.expire(now)

    async def _until_empty(self, seconds: float) -> None:
        if self.terms.connections:
            try:
                async with asyncio.timeout(seconds):
                    await self.terms.empty.wait()
            except TimeoutError:
                return

    def _tick(self) -> None:
        self.sweep()
        self._timer = self.terms.loop.call_later(self._granularity, self._tick)
