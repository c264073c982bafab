"""The real data plane in front of the recorder: listener, entry, engine, pool. Only the policy is small.

    /a/...          any method, passed as it is
    /inspected/...  POST, the body is read by a step: at most 1 KiB of JSON
    /opaque/...     as /a/, with paths that go on as they came
    Kapa's paths    as a caller of the tenant acme, whose project is `PROJECT` and who owns the thread `THREAD`
    all else        is no route

A step on every route vouches for the request header `X-Subject`, as `identify` or `enrich` would.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec.structs import replace

from kapagate.access.roles import Roles
from kapagate.chain.compose import Placed, Steps
from kapagate.chain.entry import Entry
from kapagate.chain.exchange import Exchange
from kapagate.chain.forwarded import Network, TrustedHops
from kapagate.chain.generation import Generation, Live
from kapagate.chain.options import Options
from kapagate.chain.principal import PRINCIPAL, TENANT, Account, Principal, Tenant
from kapagate.chain.public_url import PublicUrl
from kapagate.chain.route import METHODS, Route
from kapagate.chain.secret import Secret
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.upstream import Upstream
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.kapa.ownership import Owners
from kapagate.proxy.hops import PooledHops
from kapagate.proxy.listener import Listener
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.upstreams.http import Http
from kapagate.upstreams.kapa import Kapa
from tests.chain.conftest import FakeClock

INSPECTED = 1024
PROJECT = "3d1c5a52-9f0b-4e6a-8a57-2b64c9f1e0aa"
THREAD = "7b0e2f14-5c3d-4a89-9b1e-6d2f8c4a7e55"
_ANN = Principal("ann", "acme")
_ACME = Tenant("acme", accounts={"kapa": Account(PROJECT, Secret("key", "${env:KEY}"))})


async def _identify(ex: Exchange) -> None:
    if ex.route.name.startswith("kapa."):
        ex.put(PRINCIPAL, _ANN)
        ex.put(TENANT, _ACME)


async def _inspect(ex: Exchange) -> None:
    if ex.route.name == "inspected":
        await ex.document()


_STEPS = Steps(
    (
        Placed("vouch", "vouch", Step(asserts=frozenset({b"x-subject"})), Options()),
        Placed("identify", "identify", Step(on_request=_identify), Options()),
    ),
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


def _kapa(url: str, hops: PooledHops, clock: FakeClock) -> list[Route]:
    """Kapa's own routes, in front of the recorder; threads that nobody knows are refused."""
    pseudonyms, owners = Pseudonyms(b"k" * 32), MemoryOwners(clock)
    owners.claim(pseudonyms.of("acme", "ann"), [THREAD], clock.wall() + 1e9)
    ports = {Pseudonyms: pseudonyms, Owners: owners, PublicUrl: PublicUrl("http://gateway.example"), Roles: Roles({})}
    compiled = Kapa(url=url, unknown_thread="refuse").compile("kapa", Services(ports))
    upstream = Upstream("kapa", compiled.adapter, hops.open(compiled.endpoint))
    return [replace(route, upstream=upstream) for route in compiled.routes]


@asynccontextmanager
async def serving(port: int, trusted: tuple[Network, ...] = ()) -> AsyncIterator[Listener]:
    """A gateway on a free port, whose upstream listens on `port`. Its clock stands still: no deadline can help."""
    clock = FakeClock()
    hops = PooledHops(clock, granularity=3600)
    url = f"http://127.0.0.1:{port}"
    compiled = Http(url=url).compile("recorder", Services({}))
    upstream = Upstream("recorder", compiled.adapter, hops.open(compiled.endpoint))
    routes = [*_routes(upstream), *_kapa(url, hops, clock)]
    generation = Generation(routes=routes, steps=_STEPS, tenants={}, policy="wire")
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
