"""Exchanges, services and clocks for tests of filters and schemes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kapagate.access.roles import RoleDeclaration, Roles
from kapagate.chain.clock import Clock
from kapagate.chain.compose import Steps
from kapagate.chain.exchange import Exchange, Times
from kapagate.chain.generation import Generation
from kapagate.chain.headers import Headers
from kapagate.chain.principal import PRINCIPAL, TENANT, Principal, Tenant
from kapagate.chain.request import Request
from kapagate.chain.route import Route
from kapagate.chain.services import Services
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.proxy.body import NO_BODY
from kapagate.stores.memory import MemoryBuckets
from kapagate.traffic.buckets import Buckets

NOW = 1_800_000_000.0
ROLES = Roles(
    {
        "viewer": RoleDeclaration(allow=("kapa.chat",)),
        "operator": RoleDeclaration(includes=("viewer",), allow=("route.crm",)),
        "muted": RoleDeclaration(deny=("kapa.chat",)),
    }
)
CHAT = Route("kapa.chat", frozenset({"POST"}), "/query/v1/projects/{project}/chat/", "kapa.chat", "chat")

TENANTS = {"acme": Tenant("acme", "Acme Ltd"), "globex": Tenant("globex")}


@dataclass
class FakeClock:
    """A clock that the test moves."""

    now: float = NOW
    ticks: float = 1000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.ticks

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        self.ticks += seconds


def services(clock: FakeClock | None = None) -> Services:
    clock = clock or FakeClock()
    ports: dict[type, Any] = {
        Clock: clock,
        Roles: ROLES,
        Buckets: MemoryBuckets(clock),
        Pseudonyms: Pseudonyms(b"p" * 32),
    }
    return Services(ports)


def exchange(
    headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    *,
    principal: Principal | None = None,
    tenant: Tenant | None = None,
    route: Route = CHAT,
    client: str = "192.0.2.7",
    step: str = "step",
) -> Exchange:
    pairs = headers.items() if isinstance(headers, Mapping) else headers or []
    raw = [(name.encode(), value.encode()) for name, value in pairs]
    request = Request("POST", "/", "", Headers(raw), NO_BODY, client)
    generation = Generation(routes=[route], steps=Steps((), ()), tenants=TENANTS, policy="")
    made = Exchange(
        request,
        route,
        params={},
        correlation_id="c" * 32,
        decision="d" * 32,
        times=Times(0.0),
        received_at=NOW,
        generation=generation,
        chain=generation.stranger(route, "POST"),
        step=step,
    )
    if principal is not None:
        made.put(PRINCIPAL, principal)
        made.put(TENANT, tenant or Tenant(principal.tenant))
    return made
