"""A steady rate, whatever the one that is asked does: latencies without coordinated omission.

A client that waits for an answer before it asks again does not ask while the other stalls, and so never sees most of
the stall. Here every request has a time at which it is due, from a timer of the kernel (timerfd_create(2)), and its
latency counts from then: also while it waits for a connection that is free.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from time import CLOCK_MONOTONIC, clock_gettime
from typing import cast

from bench.load import Question, Refused, is_whole

CONNECTIONS = 64
_LIBC = ctypes.CDLL(None, use_errno=True)
_NONBLOCK = os.O_NONBLOCK
_ABSOLUTE = 1
_SETTLING = 10.0


class _Timer(ctypes.Structure):
    _fields_ = (("interval", ctypes.c_long * 2), ("first", ctypes.c_long * 2))


def timer(first: float, interval: float) -> int:
    """A descriptor that becomes readable at `first` (CLOCK_MONOTONIC, seconds) and every `interval` after."""
    descriptor: int = _LIBC.timerfd_create(CLOCK_MONOTONIC, _NONBLOCK)
    setting = _Timer((ctypes.c_long * 2)(*_parts(interval)), (ctypes.c_long * 2)(*_parts(first)))
    if descriptor < 0 or _LIBC.timerfd_settime(descriptor, _ABSOLUTE, ctypes.byref(setting), None) < 0:
        raise OSError(ctypes.get_errno(), "no timer")
    return descriptor


def _parts(seconds: float) -> tuple[int, int]:
    return int(seconds), int(seconds % 1 * 1e9)


@dataclass(slots=True)
class Schedule:
    """When each request is due, which wait, and how long those took that were answered; all in seconds."""

    first: float
    rate: float
    count: int
    latencies: list[float] = field(default_factory=list)
    waiting: deque[float] = field(default_factory=deque)
    _sent: int = 0

    def due(self, now: float) -> int:
        """How many more have become due; they wait for a connection."""
        reached = min(self.count, int((now - self.first) * self.rate) + 1)
        fresh = max(0, reached - self._sent)
        self.waiting += (self.first + number / self.rate for number in range(self._sent, self._sent + fresh))
        self._sent += fresh
        return fresh

    def answered(self, due: float, now: float) -> None:
        self.latencies.append(now - due)

    @property
    def is_over(self) -> bool:
        return len(self.latencies) >= self.count


class _Line(asyncio.Protocol):
    """One connection; idle, or waiting for one answer."""

    def __init__(self, question: Question, crew: _Crew) -> None:
        self._question, self._crew = question, crew
        self._buffer, self._due = b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, due: float) -> None:
        self._due = due
        self.transport.write(self._question.request)

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        if not is_whole(buffer):
            return
        self._buffer = b""
        if buffer[9:12] != b"200" or self._question.expected not in buffer:
            self._crew.fail(Refused(buffer[:300].decode("utf-8", "replace")))
        else:
            self._crew.answered(self, self._due)

    def connection_lost(self, exc: Exception | None) -> None:
        self._crew.fail(exc or Refused("the connection was closed"))


class _Crew:
    """Gives what is due to connections that are free."""

    def __init__(self, schedule: Schedule, over: asyncio.Future[None]) -> None:
        self._schedule, self.over = schedule, over
        self.idle: list[_Line] = []

    def tick(self, descriptor: int) -> None:
        os.read(descriptor, 8)
        self._schedule.due(clock_gettime(CLOCK_MONOTONIC))
        while self.idle and self._schedule.waiting:
            self.idle.pop().ask(self._schedule.waiting.popleft())

    def answered(self, line: _Line, due: float) -> None:
        self._schedule.answered(due, clock_gettime(CLOCK_MONOTONIC))
        if self._schedule.is_over:
            self.fail(None)
        elif self._schedule.waiting:
            line.ask(self._schedule.waiting.popleft())
        else:
            self.idle.append(line)

    def fail(self, cause: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(cause) if cause else self.over.set_result(None)


async def at_rate(port: int, question: Question, rate: float, seconds: float) -> Sequence[float]:
    """Latencies in seconds, of every request that was due. Raises Refused, and TimeoutError when answers stay away."""
    loop = asyncio.get_running_loop()
    schedule = Schedule(clock_gettime(CLOCK_MONOTONIC) + 0.1, rate, max(1, round(rate * seconds)))
    crew = _Crew(schedule, loop.create_future())
    for _ in range(CONNECTIONS):
        _, line = await loop.create_connection(lambda: _Line(question, crew), "127.0.0.1", port)
        crew.idle.append(line)
    descriptor = timer(schedule.first, 1 / rate)
    loop.add_reader(descriptor, crew.tick, descriptor)
    lines = list(crew.idle)
    gc.disable()
    try:
        await asyncio.wait_for(asyncio.shield(crew.over), seconds + _SETTLING)
    finally:
        gc.enable()
        loop.remove_reader(descriptor)
        os.close(descriptor)
        crew.fail(None)
        for line in lines:
            line.transport.abort()
    return schedule.latencies


def quantile(values: Sequence[float], share: float) -> float:
    """The least of the values that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
