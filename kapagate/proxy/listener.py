"""A door: accepts connections, sweeps their deadlines, and drains them when it closes."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy

from kapagate.access.hosts import Hosts
from kapagate.chain.clock import Clock
from kapagate.chain.problem import Problem
from kapagate.proxy import tcp, unix
from kapagate.proxy.bounds import Deadlines, Limits
from kapagate.proxy.certificates import Certificates
from kapagate.proxy.downstream import Downstream
from kapagate.proxy.handshakes import Handshakes
from kapagate.proxy.terms import Refused, Terms
from kapagate.proxy.unix import Bound, UnixSocket

if TYPE_CHECKING:
    from kapagate.chain.entry import Application


LAST_WORDS = 1.0
"""How long exchanges that were cut may take to be recorded."""


def _unnoticed(problem: Problem, client: str) -> None:
    return None


class Listener:
    """Serves `application` on a TCP address (port 0 takes a free one, `address` says which) or on a unix socket; with
    `certificates` by TLS, with `hosts` only to those who call it by these names.

    `start` opens, `stop_accepting` closes the door, `drain` ends what is left: idle connections at once, running
    exchanges when they are done or, after `timeout` seconds, in the middle. Deadlines are checked every `granularity`
    seconds.
    """

    def __init__(
        self,
        application: Application,
        at: str | UnixSocket,
        port: int = 0,
        *,
        clock: Clock,
        limits: Limits | None = None,
        deadlines: Deadlines | None = None,
        refused: Refused = _unnoticed,
        certificates: Certificates | None = None,
        hosts: Hosts | None = None,
        granularity: float = 0.5,
        backlog: int = 1024,
    ) -> None:
        if HttpRequestParser is HttpRequestParserPy:
            raise RuntimeError("aiohttp was installed without its C parser, which reads requests more strictly")
        self._at, self._port = at, port
        self._certificates = certificates
        self._serving = (application, clock, limits or Limits(), deadlines or Deadlines(), refused)
        self._named = (certificates is not None, hosts, not isinstance(at, UnixSocket))
        self._granularity = granularity
        self._backlog = backlog
        self._terms: Terms | None = None
        self._servers: list[asyncio.Server] = []
        self._handshakes: Handshakes | None = None
        self._bound: Bound | None = None
        self._address: tuple[str, int] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def terms(self) -> Terms:
        if self._terms is None:
            raise RuntimeError("the listener was not started")
        return self._terms

    @property
    def address(self) -> tuple[str, int]:
        """Of TCP."""
        if self._address is None:
            raise RuntimeError("the listener was not started")
        return self._address

    @property
    def active(self) -> int:
        """How many connections are open."""
        pending = len(self._handshakes.pending) if self._handshakes else 0
        return (len(self._terms.connections) if self._terms else 0) + pending

    async def start(self) -> None:
        """Raises OSError when the address cannot be had, ValueError when the socket's owner is nobody."""
        self._terms = terms = Terms(*self._serving, *self._named)
        sockets = await self._bind()
        if self._certificates is not None:
            self._handshakes = Handshakes(terms, sockets, self._certificates)
        else:
            self._servers = [await self._serve(each, terms) for each in sockets]
        self._timer = terms.loop.call_later(self._granularity, self._tick)

    async def _bind(self) -> list[socket.socket]:
        if isinstance(self._at, UnixSocket):
            self._bound = unix.bind(self._at, self._backlog)
            return [self._bound.socket]
        sockets = await tcp.bind(self._at, self._port, self._backlog)
        self._address = sockets[0].getsockname()[:2]
        return sockets

    async def _serve(self, door: socket.socket, terms: Terms) -> asyncio.Server:
        """A backlog of one, set right behind it: where no descriptor is left, asyncio's own loop tries and logs as
        often as the backlog is long, each time anew.
        """
        loop = terms.loop
        serve = loop.create_unix_server if door.family == socket.AF_UNIX else loop.create_server
        server = await serve(lambda: Downstream(terms), sock=door, backlog=1)
        door.listen(self._backlog)
        return server

    def stop_accepting(self) -> None:
        if self._bound is not None:
            self._bound.remove()
        for server in self._servers:
            server.close()
        if self._handshakes is not None:
            self._handshakes.close()

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - the bound of a phase, not of one call
        terms = self.terms
        terms.draining = True
        terms.empty.clear()
        if self._handshakes is not None:
            self._handshakes.cut()
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
