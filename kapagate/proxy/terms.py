"""What all connections of one listener share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from kapagate.access.hosts import Hosts
from kapagate.chain.clock import Clock
from kapagate.chain.problem import Problem
from kapagate.proxy.bounds import Deadlines, Limits
from kapagate.proxy.heads import Dates

if TYPE_CHECKING:
    from kapagate.chain.entry import Application
    from kapagate.proxy.downstream import Downstream

Refused = Callable[[Problem, str], None]
"""Told of every refusal that no exchange will record: the problem and the client's address."""


class Terms:
    """The application and the bounds under which it is served, and the connections that are open.

    `hosts`: the names that clients may call, None for any. `resets`: a connection can end in a reset, so that an answer
    that breaks off differs from a whole one. `draining`: answers end their connections. `left` is called whenever a
    connection has ended.
    """

    def __init__(
        self,
        application: Application,
        clock: Clock,
        limits: Limits,
        deadlines: Deadlines,
        refused: Refused,
        secure: bool,
        hosts: Hosts | None = None,
        resets: bool = True,
    ) -> None:
        self.application = application
        self.clock = clock
        self.limits = limits
        self.deadlines = deadlines
        self.refused = refused
        self.secure = secure
        self.hosts = hosts
        self.resets = resets
        self.draining = False
        self.dates = Dates(clock)
        self.loop = asyncio.get_running_loop()
        self.connections: set[Downstream] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.empty = asyncio.Event()

    def start(self, serving: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """The task of one connection; it may outlive it by what its last exchange has to record."""
        task = self.loop.create_task(serving)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def left(self) -> None:
        if not self.connections:
            self.empty.set()
