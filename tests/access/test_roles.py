from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kapagate.access.permissions import known_permissions
from kapagate.access.roles import RoleDeclaration, Roles, faults
from kapagate.chain.filter import Invalid


def declared(**roles: dict[str, Any]) -> dict[str, RoleDeclaration]:
    return {name: RoleDeclaration.model_validate(role) for name, role in roles.items()}


ROLES = Roles(
    declared(
        viewer={"allow": ["kapa.chat", "kapa.retrieval"]},
        operator={"includes": ["viewer"], "allow": ["route.*", "admin.health.read"]},
        admin={"allow": ["*"]},
        guest={"includes": ["operator"], "deny": ["route.crm"]},
        frozen={"deny": ["*"]},
    )
)


@pytest.mark.parametrize(
    ("roles", "permission", "allowed"),
    [
        (("viewer",), "kapa.chat", True),
        (("viewer",), "kapa.documents", False),
        (("viewer",), "route.crm", False),
        (("operator",), "kapa.chat", True),
        (("operator",), "route.crm", True),
        (("operator",), "admin.config.read", False),
        (("admin",), "admin.config.read", True),
        (("viewer", "operator"), "route.crm", True),
        ((), "kapa.chat", False),
        (("unknown",), "kapa.chat", False),
        (("unknown", "viewer"), "kapa.chat", True),
    ],
)
def test_roles_give_what_they_and_their_includes_allow(roles: tuple[str, ...], permission: str, allowed: bool) -> None:
    assert ROLES.allows(roles, permission) is allowed
    assert ROLES.allows(roles, permission) is allowed


@pytest.mark.parametrize("roles", [("guest",), ("guest", "admin"), ("admin", "guest"), ("admin", "frozen")])
def test_a_deny_wins_over_every_allow(roles: tuple[str, ...]) -> None:
    assert not ROLES.allows(roles, "route.crm")


def test_a_role_tells_what_it_takes_away() -> None:
    assert ROLES.denies("guest", "route.crm")
    assert ROLES.denies("frozen", "kapa.chat")
    assert not any(ROLES.denies(role, "route.crm") for role in ("admin", "viewer", "unknown"))
    assert not ROLES.denies("guest", "kapa.chat")


def test_an_included_deny_counts() -> None:
    roles = Roles(declared(base={"deny": ["kapa.chat"]}, all={"allow": ["*"], "includes": ["base"]}))
    assert not roles.allows(("all",), "kapa.chat")
    assert roles.allows(("all",), "kapa.feedback")


@given(st.lists(st.sampled_from(["viewer", "operator", "admin", "guest", "frozen", "unknown"])))
def test_more_roles_never_undo_a_deny(roles: list[str]) -> None:
    for permission in known_permissions(["crm"]):
        if any(ROLES._deny.get(role, frozenset()) & {permission, "*"} for role in roles):
            assert not ROLES.allows(tuple(roles), permission)


def test_decisions_are_bounded() -> None:
    for number in range(20_000):
        ROLES.allows((f"role-{number}",), "kapa.chat")
        ROLES.declared((f"role-{number}",))
    assert len(ROLES._decisions) <= 8192
    assert len(ROLES._orders) <= 8192


def test_declared_roles_come_in_the_policys_order() -> None:
    assert ROLES.declared(("admin", "unknown", "viewer", "admin")) == ("viewer", "admin")


def test_an_unknown_include_is_named_with_its_place() -> None:
    with pytest.raises(Invalid, match="there is no role 'viewr'") as caught:
        Roles(declared(operator={"includes": ["viewr"]}))
    assert caught.value.at == ("operator", "includes", 0)


def test_cycles_are_named_with_their_places() -> None:
    found = list(
        faults(declared(a={"includes": ["b"]}, b={"includes": ["c"]}, c={"includes": ["a"]}, d={"includes": ["a"]}))
    )
    assert [fault.at for fault in found] == [("a", "includes", 0), ("b", "includes", 0), ("c", "includes", 0)]
    assert "includes itself" in str(found[0])


def test_a_role_that_includes_itself_is_a_cycle() -> None:
    assert [fault.at for fault in faults(declared(a={"includes": ["a"]}))] == [("a", "includes", 0)]


def test_two_ways_to_the_same_role_are_no_cycle() -> None:
    diamond = declared(
        a={"includes": ["b", "c"]}, b={"includes": ["d"]}, c={"includes": ["d"]}, d={"allow": ["kapa.chat"]}
    )
    assert list(faults(diamond)) == []
    assert Roles(diamond).allows(("a",), "kapa.chat")


def test_permissions_that_mean_nothing_are_all_named() -> None:
    roles = declared(a={"allow": ["kapa.chat", "kapa.chatt", "route.crm"], "deny": ["route.erp", "admin.*"]})
    assert [fault.at for fault in faults(roles, ("crm",))] == [("a", "allow", 1), ("a", "deny", 0)]


def test_unknown_keys_of_a_role_are_refused() -> None:
    with pytest.raises(ValidationError):
        RoleDeclaration.model_validate({"allows": ["*"]})
