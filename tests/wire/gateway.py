"""The real data plane in front of the recorder: listener, entry, engine, pool. Only the policy is small.

    /a/...          any method, passed as it is
    /inspected/...  POST, the body is read by a step: at most 1 KiB of JSON
    /opaque/...     as /a/, with paths that go on as they came
    all else        is no route

A step on every route vouches for the request header `X-Subject`, as `identify` or `enrich` would.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kapagate.chain.compose import Placed, Steps
from kapagate.chain.entry import Entry
from kapagate.chain.exchange import Exchange
from kapagate.chain.forwarded import Network, TrustedHops
from kapagate.chain.generation import Generation, Live
from kapagate.chain.options import Options
from kapagate.chain.route import METHODS, Route
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.upstream import Upstream
from kapagate.proxy.hops import PooledHops
from kapagate.proxy.listener import Listener
from kapagate.upstreams.http import Http
from tests.chain.conftest import FakeClock

INSPECTED = 1024


async def _inspect(ex: Exchange) -> None:
    if ex.route.name == "inspected":
        await ex.document()


_STEPS = Steps(
    (Placed("vouch", "vouch", Step(asserts=frozenset({b"x-subject"})), Options()),),
    (Placed("inspect", "inspect", Step(on_request=_inspect), Options()),),
)


def _routes(upstream: Upstream) -> list[Route]:
    return [
        Route("any", METHODS, "/a/{rest:*}", "route.any", "any", upstream, on_uninspectable="pass"),
        Route(
            *("opaque", METHODS, "/opaque/{rest:*}", "route.opaque", "opaque", upstream),
            on_uninspectable="pass",
            opaque=True,
        ),
        Route(
            *("inspected", frozenset({"POST"}), "/inspected/{rest:*}", "route.inspected", "inspected", upstream),
            on_uninspectable="pass",
            body_limit=INSPECTED,
        ),
    ]


@asynccontextmanager
async def serving(port: int, trusted: tuple[Network, ...] = ()) -> AsyncIterator[Listener]:
    """A gateway on a free port, whose upstream listens on `port`. Its clock stands still: no deadline can help."""
    clock = FakeClock()
    hops = PooledHops(clock, granularity=3600)
    compiled = Http(url=f"http://127.0.0.1:{port}").compile("recorder", Services({}))
    upstream = Upstream("recorder", compiled.adapter, hops.open(compiled.endpoint))
    generation = Generation(routes=_routes(upstream), steps=_STEPS, tenants={}, policy="wire")
    ids = (f"{number:032x}" for number in itertools.count())
    entry = Entry(Live(generation), clock, lambda: next(ids), hops=TrustedHops(trusted))
    listener = Listener(entry, "127.0.0.1", 0, clock=clock, granularity=3600)
    await listener.start()
    try:
        yield listener
    finally:
        listener.stop_accepting()
        await listener.drain(0.0)
        hops.close()
