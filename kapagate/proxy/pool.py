"""The connections to one endpoint: the idle ones by partition, last in first out, and a bound on all of them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Hashable

from kapagate.chain import problems
from kapagate.chain.clock import Clock
from kapagate.chain.hop import Endpoint
from kapagate.chain.problem import Problem
from kapagate.proxy.dial import dial
from kapagate.proxy.tls import client_context
from kapagate.proxy.upstream import Upstream

IDLE = 15.0


class Pool:
    """Never lends a connection across partitions. Raises OSError when the endpoint's CA file cannot be read."""

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        self.endpoint = endpoint
        self.clock = clock
        self.connections: set[Upstream] = set()
        self.loop: asyncio.AbstractEventLoop
        self._idle: dict[Hashable, list[Upstream]] = {}
        self._opening = 0
        self._context: ssl.SSLContext | None = client_context(endpoint.ca_file) if endpoint.tls else None

    @property
    def size(self) -> int:
        """Connections that are open or being opened."""
        return len(self.connections) + self._opening

    def take(self, partition: Hashable) -> Upstream | None:
        """An idle connection, the one used last."""
        idle = self._idle.get(partition)
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
        return None

    async def open(self, partition: Hashable) -> Upstream:
        """A new connection. Raises Problem `upstream-busy` at the bound, `upstream-unreachable`."""
        self.loop = asyncio.get_running_loop()
        if self.size >= self.endpoint.connections and not self._make_room():
            raise Problem(problems.UPSTREAM_BUSY, "all connections to the upstream are in use", retry_after=1)
        self._opening += 1
        try:
            connection = await dial(lambda: Upstream(self, partition), self.endpoint, self._context)
        finally:
            self._opening -= 1
        self.connections.add(connection)
        return connection

    def give_back(self, connection: Upstream) -> None:
        connection.deadline = self.clock.monotonic() + IDLE
        self._idle.setdefault(connection.partition, []).append(connection)

    def forget(self, connection: Upstream) -> None:
        """It has ended."""
        self.connections.discard(connection)
        idle = self._idle.get(connection.partition)
        if idle and connection in idle:
            idle.remove(connection)

    def sweep(self, now: float) -> None:
        """Ends what is past its deadline, and forgets partitions without connections."""
        for connection in tuple(self.connections):
            if connection.deadline <= now:
                connection.expire()
        for partition in [partition for partition, idle in self._idle.items() if not idle]:
            del self._idle[partition]

    def close(self) -> None:
        """Ends everything at once."""
        for connection in tuple(self.connections):
            connection.abandon()

    def _make_room(self) -> bool:
        """Ends the idle connection that another partition has had longest."""
        oldest = min((idle[0] for idle in self._idle.values() if idle), key=lambda one: one.deadline, default=None)
        if oldest is None:
            return False
        self._idle[oldest.partition].remove(oldest)
        self.connections.discard(oldest)
        oldest.close()
        return True
