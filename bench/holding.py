"""How many streams at once, and what each costs in memory.

A stream has 40 records with a pause before each, so that all are open together for a while. Resident memory is sampled
meanwhile; the memory of one is the peak above what the gateway had before, over the most that were open at once. A
stream is good when it is whole; its delay is what it took beyond its pauses.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

import uvloop

from bench.entrant import Running, bearer, gateway
from bench.load import Question, ask, is_whole
from bench.paired import Plan, busy
from bench.rate import quantile
from bench.site import Site, Upstream
from bench.upstream import RECORDS
from bench.variants import with_room, written

CLEAR = (1, 100, 1000, 2000, 5000)
TLS = (100, 1000, 2000)
PAUSE = 0.5
_RAMP = {"http": 1500.0, "https": 300.0}
"""Streams that are opened in a second: a handshake costs both its ends a millisecond."""
_PATIENCE = 30.0


class Held(asyncio.Protocol):
    """One stream, in seconds of the loop. `open` is from when its first byte came, `ended` when its last did."""

    def __init__(self, question: Question, loop: asyncio.AbstractEventLoop) -> None:
        self._question, self._loop = question, loop
        self._buffer = bytearray()
        self.begun = 0.0
        self.open: float | None = None
        self.ended: float | None = None
        self.closed: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.begun = self._loop.time()
        self.transport.write(self._question.request)

    def data_received(self, data: bytes) -> None:
        if self.open is None:
            self.open = self._loop.time()
        self._buffer += data
        if data.endswith(b"0\r\n\r\n") and is_whole(bytes(self._buffer)):
            if self._buffer[9:12] == b"200" and self._question.expected in self._buffer:
                self.ended = self._loop.time()
            self._over()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over()

    def _over(self) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


@dataclass(slots=True)
class Watch:
    """What the gateway has while streams are open: resident bytes now and then, and CPU seconds."""

    running: Running
    samples: list[int] = field(default_factory=list)

    async def sampled(self) -> None:
        while True:
            self.samples.append(self.running.process.resident_bytes())
            await asyncio.sleep(0.25)


async def held(port: int, question: Question, count: int, ramp: float, watch: Watch) -> Sequence[Held]:
    loop = asyncio.get_running_loop()
    watching = loop.create_task(watch.sampled())
    streams = []
    for number in range(count):
        stream = Held(question, loop)
        await loop.create_connection(lambda stream=stream: stream, "127.0.0.1", port)  # type: ignore[misc]  # the default binds it
        streams.append(stream)
        if number % 20 == 19:
            await asyncio.sleep(20 / ramp)
    await asyncio.wait([each.closed for each in streams], timeout=PAUSE * RECORDS + _PATIENCE)
    watching.cancel()
    for each in streams:
        each.transport.abort()
    return streams


def open_streams(site: Site, plan: Plan) -> dict[str, Any]:
    """By kind of upstream and number of streams. A gateway each, for memory that was used is not given back."""
    found: dict[str, Any] = {"pause": PAUSE, "clear": {}, "tls": {}}
    with site.records(f"--pause={PAUSE}") as upstream:
        for count in _counts(CLEAR, plan):
            found["clear"][str(count)] = _measured(site, upstream, count, None)
    with site.records_over_tls(f"--pause={PAUSE}") as (upstream, certificate):
        for count in _counts(TLS, plan):
            found["tls"][str(count)] = _measured(site, upstream, count, certificate)
    return found


def _counts(counts: Sequence[int], plan: Plan) -> Sequence[int]:
    """A short plan takes the small ones."""
    return counts if plan.rounds > 1 else counts[:2]


def _measured(site: Site, upstream: Upstream, count: int, certificate: Path | None) -> dict[str, Any]:
    asked = bearer(streamed=True)
    entrant = gateway("full chain", lambda folder: written(folder, with_room(certificate)), asked)
    question = asked(site.keys, upstream)[0]
    with entrant.started(site, upstream) as running:
        uvloop.run(ask(running.port, bearer()(site.keys, upstream)[0], 1.0))
        before, cpu, begun = running.process.resident_bytes(), running.process.cpu_seconds(), time.perf_counter()
        others = busy(upstream.process)
        watch = Watch(running)
        streams = uvloop.run(held(running.port, question, count, _RAMP[upstream.scheme], watch))
        took = time.perf_counter() - begun
        return {
            **told(streams, before, watch.samples),
            "cpu": (running.process.cpu_seconds() - cpu) / took,
            "other_cpu": (busy(upstream.process) - others) / took,
            "records_per_second": sum(each.ended is not None for each in streams) * RECORDS / took,
        }


def told(streams: Sequence[Held], before: int, samples: Sequence[int]) -> dict[str, Any]:
    """`open` at once; `bytes_each` of memory; `delay` in milliseconds, of the slowest of a hundred."""
    whole = [each.ended - each.begun for each in streams if each.ended is not None]
    most = at_once([(each.open, each.ended) for each in streams if each.open is not None and each.ended is not None])
    due = PAUSE * (RECORDS - 1)
    return {
        "whole": len(whole),
        "failed": len(streams) - len(whole),
        "open": most,
        "bytes_each": max(0, max(samples, default=before) - before) / max(1, most),
        "delay": (quantile(whole, 0.99) - due) * 1e3 if whole else None,
    }


def at_once(spans: Sequence[tuple[float, float]]) -> int:
    """The most spans that have a moment in common."""
    turns = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    return max(accumulate((step for _, step in turns), initial=0))
