from __future__ import annotations

import pytest

from kapagate.access.permissions import grants_for, known_grants, known_permissions


def test_permissions_are_of_kapa_of_routes_and_of_endpoints() -> None:
    assert {"kapa.chat", "kapa.feedback", "route.crm", "admin.config.read"} <= known_permissions(["crm"])
    assert "route.crm" not in known_permissions([])


@pytest.mark.parametrize(
    ("permission", "grants"),
    [
        ("kapa.chat", {"*", "kapa.*", "kapa.chat"}),
        ("admin.config.read", {"*", "admin.*", "admin.config.*", "admin.config.read"}),
    ],
)
def test_a_permission_is_given_by_itself_and_its_wildcards(permission: str, grants: set[str]) -> None:
    assert grants_for(permission) == grants


def test_a_wildcard_ends_at_a_dot() -> None:
    assert "kapa.ch*" not in grants_for("kapa.chat")
    assert "route.*" not in grants_for("routes.crm")


def test_the_families_are_known_before_they_have_members() -> None:
    assert "route.*" in known_grants([])
    assert "route.crm" not in known_grants([])
    assert "admin.health.*" in known_grants([])
