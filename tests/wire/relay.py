"""The real data plane between a raw client and an upstream that says what a test wants: only the policy is small.

    /a/...          any method, passes as it is
    /guarded/...    a rule reads the answer, a JSON object with a field `answer`
    /inspected/...  a step reads the request's body, JSON of at most 256 KiB

What became of each exchange is kept as the record that the audit would write. The clock stands still until it is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from kapagate.answer.rules import AnswerRules
from kapagate.chain.compose import Placed, Steps
from kapagate.chain.entry import Entry
from kapagate.chain.exchange import Exchange
from kapagate.chain.generation import Generation, Live
from kapagate.chain.meter import Meter
from kapagate.chain.options import Options
from kapagate.chain.route import METHODS, Route
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.upstream import Upstream
from kapagate.filters.audit import Audit
from kapagate.ledger.ledger import Ledger
from kapagate.ledger.record import record_of
from kapagate.proxy.bounds import Deadlines, Limits
from kapagate.proxy.hops import PooledHop, PooledHops
from kapagate.proxy.listener import Listener
from kapagate.stores.ring import MemoryLedger
from kapagate.telemetry.prometheus import PrometheusMeter
from kapagate.upstreams.http import Http
from tests.chain.conftest import FakeClock

PATIENCE = 10.0
INSPECTED = 256 << 10


class Unchanged:
    """A rule that reads all and changes nothing."""

    reach = 0
    context = 0
    kinds = frozenset({"other"})

    def scan(self, text: str, start: int, final: bool) -> tuple[list[Any], int]:
        return [], len(text)


def _steps(ledger: MemoryLedger) -> Steps:
    audit = Audit().compile(Services({Ledger: ledger, Meter: PrometheusMeter()}))
    guard = Step(on_request=_inspect, on_answer=lambda ex: AnswerRules(texts=(Unchanged(),)))
    return Steps((), tuple(Placed(name, name, step, Options()) for name, step in (("audit", audit), ("guard", guard))))


async def _inspect(ex: Exchange) -> None:
    if ex.route.name == "inspected":
        await ex.document()


@dataclass
class Relay:
    """A gateway that serves. `records` are of the exchanges that have ended."""

    clock: FakeClock
    hops: PooledHops
    hop: PooledHop
    listener: Listener
    ledger: MemoryLedger
    records: list[dict[str, Any]] = field(default_factory=list)

    @property
    def address(self) -> tuple[str, int]:
        return self.listener.address

    def idle(self) -> int:
        """How many of its connections are in the pool."""
        return sum(len(each) for each in self.hop.pool._idle.values())

    def pass_by(self, seconds: float) -> None:
        """So much later, and what is past its deadline has ended."""
        self.clock.advance(seconds)
        self.hops.sweep()


@contextlib.asynccontextmanager
async def relaying(port: int, limits: Limits | None = None, **reachable: Any) -> AsyncIterator[Relay]:
    """A gateway on a free port in front of `port`; `reachable` are fields of its upstream."""
    clock = FakeClock()
    hops = PooledHops(clock, granularity=3600)
    declared = Http.model_validate({"url": f"http://127.0.0.1:{port}", **reachable})
    compiled = declared.compile("upstream", Services({}))
    hop = hops.open(compiled.endpoint)
    upstream = Upstream("upstream", compiled.adapter, hop)
    ledger = MemoryLedger()
    generation = Generation(routes=_routes(upstream), steps=_steps(ledger), tenants={}, policy="wire")
    records: list[dict[str, Any]] = []
    ids = (f"{number:032x}" for number in itertools.count())

    def finished(exchange: Exchange) -> None:
        records.append(orjson.loads(record_of(exchange)))

    entry = Entry(Live(generation), clock, lambda: next(ids), finished)
    listener = Listener(
        entry, "127.0.0.1", 0, clock=clock, limits=limits, deadlines=Deadlines(head=1e6), granularity=3600
    )
    await listener.start()
    try:
        yield Relay(clock, hops, hop, listener, ledger, records)
    finally:
        listener.stop_accepting()
        await listener.drain(0.0)
        hops.close()


def _routes(upstream: Upstream) -> list[Route]:
    guarded = Route(
        *("guarded", METHODS, "/guarded/{rest:*}", "route.guarded", "guarded", upstream),
        answer_texts=(("answer", "other"),),
        shows=frozenset({"answer text", "whole answer"}),
        on_uninspectable="refuse",
    )
    inspected = Route(
        *("inspected", METHODS, "/inspected/{rest:*}", "route.inspected", "inspected", upstream),
        on_uninspectable="pass",
        body_limit=INSPECTED,
    )
    plain = Route("any", METHODS, "/a/{rest:*}", "route.any", "any", upstream, on_uninspectable="pass")
    return [plain, guarded, inspected]


Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def speaking(script: Conversation) -> AsyncIterator[int]:
    """An upstream on a free port, each of whose connections runs the script; the port."""
    running: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await script(reader, writer)
        running.discard(task)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def turns() -> None:
    """What is in the sockets of this process has been read."""
    for _ in range(8):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    """Waits for what has no event of its own: the state of a connection."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a socket has no event for it
            await asyncio.sleep(0)
