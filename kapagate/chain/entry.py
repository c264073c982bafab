"""The way in: from a request's head to an exchange, and from there to the engine."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from kapagate.chain import problems
from kapagate.chain.clock import Clock, Ids
from kapagate.chain.exchange import Exchange, Times
from kapagate.chain.forwarded import TrustedHops
from kapagate.chain.generation import Live
from kapagate.chain.headers import Headers
from kapagate.chain.holdings import Holdings
from kapagate.chain.problem import Problem
from kapagate.chain.request import Body, Request
from kapagate.chain.run import run
from kapagate.chain.shares import Shares
from kapagate.chain.sink import Sink

_CORRELATION_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class Application(Protocol):
    """What `proxy/` hands requests to."""

    def admit(
        self, method: str, target: bytes, headers: Headers, body: Body, client: str, secure: bool = False
    ) -> Exchange:
        """The exchange of a request whose head is complete; it has its place from now on, so it must be run. Raises
        Problem for a target that is not acceptable, and when there are too many exchanges.
        """

    def sign(self, problem: Problem, headers: Headers | None) -> None:
        """Gives a refusal without an exchange its correlation id and its fields; None: the head could not be read."""

    async def run(self, exchange: Exchange, sink: Sink) -> None:
        """Answers it. Raises nothing; returns when the answer is complete or cut."""


class Entry:
    """The application of one data port.

    At most `most` exchanges run at a time, at most `each` of one tenant; they hold at most `held` bytes. `finished`
    is told of every exchange after its done hooks (the access log); it may become another. `hops` are the proxies
    that are believed when they say who asks.
    """

    def __init__(
        self,
        live: Live,
        clock: Clock,
        ids: Ids,
        finished: Callable[[Exchange], None] | None = None,
        most: int = 2048,
        hops: TrustedHops | None = None,
        each: int = 1024,
        held: int = 256 << 20,
    ) -> None:
        self._live = live
        self._clock = clock
        self._ids = ids
        self.finished = finished
        self._most = most
        self._shares = Shares(each) if each < most else None
        self._holdings = Holdings(held)
        self._hops = hops
        self._running = 0

    def admit(
        self, method: str, target: bytes, headers: Headers, body: Body, client: str, secure: bool = False
    ) -> Exchange:
        if self._running >= self._most:
            raise Problem(problems.UNAVAILABLE, "too many requests are at work", retry_after=1)
        host = ""
        if self._hops is not None:
            origin = self._hops.origin(headers, client, secure)
            client, secure, host = origin.client, origin.secure, origin.host
        generation = self._live.generation
        announced = headers.get(b"access-control-request-method") if method == "OPTIONS" else None
        if announced is None:
            path, query, route, params, chain = generation.meant(method, target)
        else:
            path, query, route, params, chain = generation.preflight(announced.decode("latin-1"), target)
        decision = self._ids()
        exchange = Exchange(
            Request(method, path, query, headers, body, client, secure, host),
            route,
            params,
            _correlation_id(headers) or decision,
            decision,
            Times(self._clock.monotonic()),
            self._clock.wall(),
            generation,
            chain,
            route.operation,
        )
        self._running += 1
        return exchange

    def sign(self, problem: Problem, headers: Headers | None) -> None:
        problem.correlation_id = (_correlation_id(headers) if headers else None) or self._ids()
        if headers is not None:
            problem.fields = self._live.generation.marks(headers)

    async def run(self, exchange: Exchange, sink: Sink) -> None:
        try:
            await run(exchange, sink, self._clock, self._shares, self._holdings)
        finally:
            self._running -= 1
        if self.finished is not None:
            self.finished(exchange)


def _correlation_id(headers: Headers) -> str | None:
    """The caller's own, where there is exactly one and it is well formed."""
    values = headers.all(b"x-correlation-id")
    if len(values) == 1 and _CORRELATION_ID.fullmatch(values[0]):
        return values[0].decode("ascii")
    return None
