"""Exchanges as the engine leaves them when all is done, for the tests of records, metrics and logs."""

from __future__ import annotations

from typing import Any

from kapagate.chain.compose import Steps, compose
from kapagate.chain.exchange import Exchange, Times
from kapagate.chain.generation import Generation
from kapagate.chain.headers import Headers
from kapagate.chain.principal import PRINCIPAL, TENANT, Principal, Tenant
from kapagate.chain.request import Request
from kapagate.chain.route import Route
from kapagate.proxy.body import NO_BODY

ALICE = Principal(subject="alice", tenant="acme", roles=("viewer",), scheme="jwt")
CHAT = Route(
    name="kapa.chat",
    methods=frozenset({"POST"}),
    template="/query/v1/projects/{project}/chat/",
    permission="kapa.chat",
    operation="chat",
    shows=frozenset({"question", "answer text", "uncertainty"}),
)
CRM = Route(name="crm", methods=frozenset({"GET"}), template="/crm/{rest:*}", permission="route.crm", operation="crm")


def exchange(
    route: Route = CHAT, *, principal: Principal | None = ALICE, method: str = "POST", status: int = 200, **more: Any
) -> Exchange:
    """Answered after 250 ms, of which the upstream took 200."""
    generation = Generation(routes=(), steps=Steps((), ()), tenants={}, policy="sha256:0123")
    ex = Exchange(
        request=Request(method, "/crm/a", "", Headers(), NO_BODY, client="192.0.2.1"),
        route=route,
        params={},
        correlation_id="corr-1",
        decision="0" * 32,
        times=more.pop("times", None) or Times(received=10.0, sent=10.02, answered=10.22, opened=10.23, ended=10.25),
        received_at=1_700_000_000.125,
        generation=generation,
        chain=compose((), (), route, method),
        status=status,
        **more,
    )
    if principal is not None:
        ex.put(PRINCIPAL, principal)
        ex.put(TENANT, Tenant(name=principal.tenant))
    return ex
