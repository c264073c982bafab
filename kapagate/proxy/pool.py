"""The connections to one endpoint: the idle ones by partition, last in first out, and a bound on all of them.

Above the bound requests wait in a queue, first come, first served. While somebody waits no connection is idle: one
that becomes free is the first waiter's at once where it is of the same partition, else it ends, and its place is the
waiter's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Hashable

from kapagate.chain import problems
from kapagate.chain.clock import Clock
from kapagate.chain.hop import Endpoint
from kapagate.chain.problem import Problem
from kapagate.proxy.dial import dial
from kapagate.proxy.queue import Queue
from kapagate.proxy.tls import client_context
from kapagate.proxy.upstream import Upstream


class Pool:
    """Never lends a connection across partitions. Raises OSError when a file of the endpoint's cannot be read."""

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        self.endpoint = endpoint
        self.clock = clock
        self.connections: set[Upstream] = set()
        self.queue = Queue(endpoint.queue, self._hand_on)
        self.loop: asyncio.AbstractEventLoop
        self._idle: dict[Hashable, list[Upstream]] = {}
        self._longest: OrderedDict[Upstream, None] = OrderedDict()
        self._opening = 0
        self._context: ssl.SSLContext | None = client_context(endpoint) if endpoint.tls else None

    @property
    def size(self) -> int:
        """Connections that are open or being opened."""
        return len(self.connections) + self._opening

    @property
    def idle(self) -> int:
        """Connections that wait for a request; perhaps asked for in another thread."""
        return len(self._longest)

    def take(self, partition: Hashable) -> Upstream | None:
        """An idle connection, the one used last. One that has something to say, has ended, or was idle for too long
        is ended instead.
        """
        idle = self._idle.get(partition)
        while idle:
            connection = idle.pop()
            del self._longest[connection]
            if connection.deadline > self.clock.monotonic() and connection.silent:
                return connection
            connection.abandon()
        return None

    async def open(self, partition: Hashable) -> Upstream:
        """A new connection, or at the bound the first that becomes free: look whether it is still `silent`.

        Raises Problem `upstream-busy`, `upstream-unreachable`.
        """
        self.loop = asyncio.get_running_loop()
        if self.size >= self.endpoint.connections and not self._make_room():
            freed = await self.queue.wait(partition, self.clock.monotonic() + self.endpoint.queue_timeout)
            if freed is not None:
                return freed
        else:
            self._opening += 1
        try:
            connection = await dial(lambda: Upstream(self, partition), self.endpoint, self._context)
        except BaseException:
            self._hand_on(None)
            raise
        if connection.lost:
            self._hand_on(None)
            raise Problem(problems.UPSTREAM_UNREACHABLE, "the upstream closed the connection at once")
        self._opening -= 1
        self.connections.add(connection)
        return connection

    def give_back(self, connection: Upstream) -> None:
        """It waits for the next request, unless one waits for it."""
        first = self.queue.first()
        if first is None:
            connection.deadline = self.clock.monotonic() + connection.idles
            self._idle.setdefault(connection.partition, []).append(connection)
            self._longest[connection] = None
        elif first.partition == connection.partition:
            self.queue.grant(connection)
        else:
            self._end(connection)

    def forget(self, connection: Upstream) -> None:
        """It has ended."""
        if connection in self._longest:
            self._forget_idle(connection)
        self.connections.discard(connection)
        self._grant_place()

    def sweep(self, now: float) -> None:
        """Ends what is past its deadline, forgets partitions without connections, and lets idle connections go of what
        they were asked last: measured, to do so at the end of each answer costs every request 1 us.
        """
        self.queue.expire(now)
        for connection in self._longest:
            connection.exchange = None
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
        """Ends the connection that has been idle longest."""
        if not self._longest:
            return False
        oldest = next(iter(self._longest))
        self._forget_idle(oldest)
        self._end(oldest)
        return True

    def _forget_idle(self, connection: Upstream) -> None:
        del self._longest[connection]
        self._idle[connection.partition].remove(connection)

    def _end(self, connection: Upstream) -> None:
        """Of one that nobody asks: its place is free from now on."""
        self.connections.discard(connection)
        connection.close()
        self._grant_place()

    def return_unused(self, connection: Upstream) -> None:
        """Whoever it was for does not want it any more."""
        if connection.silent:
            self.give_back(connection)
        else:
            connection.abandon()

    def _hand_on(self, granted: Upstream | None) -> None:
        """What was granted is not wanted: a connection, or the place of one that was to be opened."""
        if granted is None:
            self._opening -= 1
            self._grant_place()
        else:
            self.return_unused(granted)

    def _grant_place(self) -> None:
        if self.size < self.endpoint.connections and self.queue.first() is not None:
            self._opening += 1
            self.queue.grant(None)
