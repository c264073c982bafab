"""A policy, loaded as in production, and everything that stands behind its ports, in memory and under control."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct

from kapagate.access.endpoints import ENDPOINTS
from kapagate.chain.clock import Clock, Ids
from kapagate.chain.entry import Entry
from kapagate.chain.exchange import Exchange
from kapagate.chain.forwarded import TrustedHops
from kapagate.chain.generation import Generation, Live
from kapagate.chain.hop import Hops
from kapagate.chain.meter import Meter
from kapagate.chain.problem import BackendFailed
from kapagate.chain.response import Response
from kapagate.chain.route import Route, Serve
from kapagate.chain.services import Services
from kapagate.chain.watched import Watched
from kapagate.identity.published import PublishedKeys
from kapagate.identity.replays import Delivery, Replays, Ticket
from kapagate.kapa.ownership import Owners
from kapagate.ledger.ledger import Ledger
from kapagate.policy.gateway import Gateway
from kapagate.policytest.clock import FrozenClock, Numbered
from kapagate.policytest.credentials import Credentials
from kapagate.policytest.series import Series
from kapagate.policytest.upstream import ScriptedHops
from kapagate.remote.watched import WatchedFiles
from kapagate.stores.memory import MemoryBuckets
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.stores.memory_replays import MemoryReplays
from kapagate.stores.ring import MemoryLedger
from kapagate.telemetry.prometheus import PrometheusMeter
from kapagate.traffic.buckets import Buckets, Key
from kapagate.traffic.gcra import Limit, Quota


class Failing(set[str]):
    """The parts that do not work in the case that runs."""

    def check(self, part: str, step: str = "") -> None:
        """Raises BackendFailed."""
        if part in self or step in self:
            raise BackendFailed(f"the case says that {step or part} fails")


class Limits(MemoryBuckets):
    """Buckets that can fail."""

    def __init__(self, clock: Clock, failing: Failing) -> None:
        super().__init__(clock)
        self._failing = failing

    async def take(self, key: Key, limit: Limit, cost: int = 1) -> Quota:
        self._failing.check("limits", key[0])
        return await super().take(key, limit, cost)

    async def take_all(self, keys: Sequence[Key], limits: Sequence[Limit], cost: int = 1) -> Sequence[Quota]:
        self._failing.check("limits", keys[0][0])
        return await super().take_all(keys, limits, cost)


class Records(MemoryLedger):
    """A ledger that can fail."""

    def __init__(self, failing: Failing) -> None:
        super().__init__()
        self._failing = failing

    def take(self) -> bool:
        return "audit" not in self._failing and super().take()

    async def reserve(self) -> None:
        self._failing.check("audit")
        await super().reserve()


class Claims(MemoryOwners):
    """Claims of ids that can fail."""

    def __init__(self, clock: Clock, failing: Failing) -> None:
        super().__init__(clock)
        self._failing = failing

    def claim(self, owner: str, names: Sequence[str], until: float) -> None:
        self._failing.check("ownership")
        super().claim(owner, names, until)

    async def owner_of(self, name: str) -> str | None:
        self._failing.check("ownership")
        return await super().owner_of(name)

    async def owned_by(self, owner: str) -> Collection[str]:
        self._failing.check("ownership")
        return await super().owned_by(owner)


class Messages(MemoryReplays):
    """Deliveries that can fail."""

    failing: Failing = Failing()

    async def claim(self, delivery: Delivery) -> Ticket | int | None:
        self.failing.check("deliveries")
        return await super().claim(delivery)


class Ports:
    """What a policy under test borrows, in place of what a machine has."""

    def __init__(self) -> None:
        self.clock, self.ids, self.failing = FrozenClock(), Numbered(), Failing()
        self.hops, self.meter = ScriptedHops(self.clock), PrometheusMeter()
        self.limits, self.records = Limits(self.clock, self.failing), Records(self.failing)
        self.claims, self.messages = Claims(self.clock, self.failing), Messages(self.clock)
        self.messages.failing = self.failing

    def services(self) -> Services:
        ports: dict[type, Any] = {
            Clock: self.clock,
            Ids: self.ids,
            Meter: self.meter,
            Hops: self.hops,
            PublishedKeys: PublishedKeys(),
            Buckets: self.limits,
            Watched: WatchedFiles(self.meter),
            Ledger: self.records,
            Replays: self.messages,
            Owners: self.claims,
        }
        return Services(ports)


def endpoints() -> dict[str, Serve]:
    """The gateway's own endpoints, for routes that serve them: each says its name, as there is nothing to tell of."""
    return {name: _served(name) for name in ENDPOINTS}


def _served(name: str) -> Serve:
    async def serve(exchange: Exchange) -> Response:
        return Response.whole(200, [(b"Content-Type", b"application/json")], orjson.dumps({"endpoint": name}))

    return serve


class Stage(Struct, frozen=True):
    """Where cases run, one after the other."""

    ports: Ports
    generation: Generation
    entry: Entry
    credentials: Credentials
    routes: Mapping[str, Route]

    @classmethod
    def of(cls, generation: Generation, settings: Gateway, ports: Ports) -> Stage:
        listen = settings.listen
        hops = TrustedHops(listen.trusted_hops) if listen.trusted_hops else None
        limits = listen.limits
        entry = Entry(
            Live(generation), ports.clock, ports.ids, None, limits.exchanges, hops, limits.exchanges_per_tenant
        )
        routes = {route.name: route for route in generation.routes.routes[::-1]}
        return cls(ports, generation, entry, Credentials(generation), routes)

    def begin(self, wall: float, failing: Collection[str]) -> None:
        """A case begins: nothing of the one before is left but the figures of its metrics."""
        ports = self.ports
        ports.clock.begin(wall)
        ports.ids.begin()
        ports.failing.clear()
        ports.failing.update(failing)
        for store in (ports.limits, ports.records, ports.claims, ports.messages):
            store.forget()

    def grown(self, series: Sequence[Series]) -> list[float]:
        """Of each the sum of all series that have its name and labels, as it is now."""
        found = list(self.ports.meter.samples([each.name for each in series])) if series else []
        return [sum(one.value for one in found if each.covers(one.name, one.labels)) for each in series]
