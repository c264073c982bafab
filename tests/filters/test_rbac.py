from __future__ import annotations

import pytest
from msgspec.structs import replace

from kapagate.chain.principal import PRINCIPAL, Principal
from kapagate.chain.problem import Problem
from kapagate.filters.rbac import Rbac
from tests.filters.exchanges import CHAT, exchange, services

CRM = replace(CHAT, name="crm", permission="route.crm")
STEP = Rbac().compile(services())


async def outcome(*roles: str, route: object = CHAT) -> str:
    assert STEP.on_request is not None
    made = exchange(principal=Principal("ann", "acme", roles), route=CRM if route is CRM else CHAT)
    try:
        assert await STEP.on_request(made) is None
    except Problem as problem:
        return f"{problem.kind.status}: {problem.detail}"
    return "allowed"


async def test_lets_through_whom_a_role_allows_it() -> None:
    assert await outcome("viewer") == "allowed"
    assert await outcome("operator", route=CRM) == "allowed"


@pytest.mark.parametrize("roles", [(), ("unknown",)])
async def test_refuses_without_a_role_and_names_the_permission(roles: tuple[str, ...]) -> None:
    assert await outcome(*roles) == "403: this needs the permission kapa.chat"


async def test_the_routes_own_permission_counts() -> None:
    assert await outcome("viewer", route=CRM) == "403: this needs the permission route.crm"


async def test_a_deny_wins() -> None:
    assert await outcome("viewer", "muted") == "403: this needs the permission kapa.chat"


def test_stands_behind_whoever_identifies() -> None:
    assert STEP.reads == {PRINCIPAL}
