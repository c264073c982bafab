"""The hop: one request of an exchange to its upstream and back, over pooled connections."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Hashable, Iterator
from typing import TYPE_CHECKING
from weakref import WeakSet

from kapagate.chain import problems
from kapagate.chain.clock import Clock
from kapagate.chain.headers import Headers
from kapagate.chain.hop import Endpoint, Inbound, Outbound
from kapagate.chain.problem import Gone, Problem
from kapagate.proxy.framing import frame_request
from kapagate.proxy.heads import request_head
from kapagate.proxy.hop_by_hop import VIA, end_to_end
from kapagate.proxy.inbound import Unanswered
from kapagate.proxy.pool import Pool
from kapagate.proxy.upstream import Upstream

if TYPE_CHECKING:
    from kapagate.chain.exchange import Exchange

_VIA = b"%b: %b" % VIA
_WITHOUT_BODY = frozenset({b"GET", b"HEAD", b"DELETE", b"OPTIONS"})
_FAILURES = (problems.UPSTREAM_UNREACHABLE, problems.UPSTREAM_TIMEOUT, problems.UPSTREAM_MALFORMED)
"""What is the upstream's own. A full queue is not, nor what goes wrong with the client's body."""


class PooledHop:
    """The hop to one endpoint.

    `failures`: how many requests in a row it did not answer; `failure`: why the last; `failed_at`: when (monotonic).
    """

    def __init__(self, endpoint: Endpoint, clock: Clock, hops: PooledHops) -> None:
        self.pool = Pool(endpoint, clock)
        self.failures = 0
        self.failure = ""
        self.failed_at = 0.0
        self._hops = hops
        self._fixed = (b"Host: %b" % endpoint.authority.encode("ascii"),)

    async def send(self, outbound: Outbound, exchange: Exchange) -> Inbound:
        try:
            inbound = await self._asked(outbound, exchange)
        except Problem as problem:
            if problem.kind in _FAILURES:
                self.failures += 1
                self.failure = problem.kind.name
                self.failed_at = self.pool.clock.monotonic()
            raise
        self.failures = 0
        return inbound

    async def _asked(self, outbound: Outbound, exchange: Exchange) -> Inbound:
        body = outbound.body
        length = len(body) if isinstance(body, bytes) else outbound.length
        if length == 0:
            body = b""
        last = (_VIA,) if length == 0 and outbound.method in _WITHOUT_BODY else (_VIA, frame_request(length))
        head = request_head(outbound, self._fixed, last)
        again = outbound.idempotent and isinstance(body, bytes)
        while True:
            connection = await self._connection(outbound.partition, exchange)
            again = again and connection.asked
            answer = connection.ask(head, body, length, outbound.method == b"HEAD", exchange)
            try:
                await answer.change()
            except asyncio.CancelledError:
                await answer.aclose()
                raise
            if answer.failure is None or answer.status:
                break
            if not (again and isinstance(answer.failure, Unanswered)):
                raise answer.failure
            again = False
        headers = end_to_end(answer.headers)
        headers.append(VIA)
        return Inbound(answer.status, Headers(headers), answer, answer.length)

    async def _connection(self, partition: Hashable, exchange: Exchange) -> Upstream:
        """One on which nothing was said or ended since it was last used; to be asked before the loop turns."""
        while not exchange.gone:
            connection = self.pool.take(partition)
            if connection is not None:
                return connection
            connection = await self._open(partition, exchange)
            if connection.silent:
                return connection
            connection.abandon()
            if not connection.asked:
                raise Unanswered
        raise Gone

    async def _open(self, partition: Hashable, exchange: Exchange) -> Upstream:
        """A new connection or one that became free, given up when the client leaves meanwhile."""
        self._hops.watch()
        opening = asyncio.ensure_future(self.pool.open(partition))
        opening.add_done_callback(self._hops.watch)  # a tick before it began saw nothing to go on for
        left = False

        def give_up() -> None:
            nonlocal left
            left = True
            opening.cancel()

        exchange.when_gone = give_up
        try:
            connection = await opening
        except asyncio.CancelledError:
            if not left:
                opening.add_done_callback(self._unwanted)
                raise
            raise Gone from None
        finally:
            exchange.when_gone = None
        if left:
            self.pool.return_unused(connection)
            raise Gone
        return connection

    def _unwanted(self, opening: asyncio.Task[Upstream]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self.pool.return_unused(opening.result())


class PooledHops:
    """Hands out hops and sweeps their pools' deadlines every `granularity` seconds while connections are open."""

    def __init__(self, clock: Clock, granularity: float = 0.5) -> None:
        self._clock = clock
        self._granularity = granularity
        self._hops: dict[Endpoint, PooledHop] = {}
        self._retired: WeakSet[Pool] = WeakSet()
        self._timer: asyncio.TimerHandle | None = None

    def open(self, endpoint: Endpoint) -> PooledHop:
        """Raises OSError when the endpoint's CA file cannot be read."""
        hop = self._hops.get(endpoint)
        if hop is None:
            hop = self._hops[endpoint] = PooledHop(endpoint, self._clock, self)
        return hop

    def __iter__(self) -> Iterator[PooledHop]:
        """Every hop that was handed out."""
        return iter(tuple(self._hops.values()))

    def keep(self, hops: Collection[object]) -> None:
        """No others are handed out again. Whoever has one may still use it, and its connections end when they are idle
        for long enough.
        """
        for endpoint, hop in tuple(self._hops.items()):
            if hop not in hops:
                self._retired.add(self._hops.pop(endpoint).pool)

    def close(self) -> None:
        """Ends every connection at once."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for pool in self._pools():
            pool.close()

    def sweep(self) -> None:
        """Ends what is past its deadline."""
        now = self._clock.monotonic()
        for pool in self._pools():
            pool.sweep(now)

    def watch(self, _: object = None) -> None:
        """Starts the sweep, unless it runs."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._granularity, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.sweep()
        if any(pool.size for pool in self._pools()):
            self.watch()

    def _pools(self) -> list[Pool]:
        return [*(hop.pool for hop in self._hops.values()), *self._retired]
