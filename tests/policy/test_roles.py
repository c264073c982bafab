"""What roles include and grant exists."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.chain.route import Route
from kapagate.policy.finding import Diagnostics
from kapagate.policy.nodes import Mapping
from kapagate.policy.roles import check_roles, grants, read_roles

ROUTES = [
    Route("kapa.chat_stream", frozenset({"POST"}), "/chat", "kapa.chat", "chat_stream"),
    Route("crm", frozenset({"GET"}), "/crm", "route.crm", "crm"),
]


def check(node: Mapping) -> list[tuple[str, str, str | None, str | None]]:
    problems = Diagnostics()
    check_roles(read_roles(node.get("roles")), node, ROUTES, problems)
    return [(f"{each.span.line}:{each.span.column}", each.code.name, each.suggestion, each.note) for each in problems]


@pytest.mark.parametrize(
    "grant", ["kapa.chat", "kapa.*", "'*'", "route.crm", "route.broken", "admin.*", "admin.health.read"]
)
def test_permissions_and_their_wildcards_are_known(node: Callable[[str], Mapping], grant: str) -> None:
    text = f"roles:\n  a: {{allow: [{grant}]}}\nroutes: [{{name: broken}}]"
    assert check(node(text)) == []


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("{allow: [kapa.chta]}", ("2:15", "KG306", "kapa.chat", None)),
        ("{deny: [route.cmr]}", ("2:14", "KG306", "route.crm", None)),
        ("{includes: [aa]}", ("2:18", "KG305", "a", None)),
        ("{includes: [a]}", ("2:18", "KG314", None, None)),
        ("{allow: [kapa.chat_stream]}", ("2:15", "KG306", None, '"kapa.chat_stream" is covered by "kapa.chat"')),
    ],
)
def test_what_does_not_exist_is_an_error_at_its_place(
    node: Callable[[str], Mapping], role: str, expected: tuple[str, str, str | None, str | None]
) -> None:
    assert check(node(f"roles:\n  a: {role}")) == [expected]


def test_a_role_that_is_wrong_in_part_keeps_the_rest(node: Callable[[str], Mapping]) -> None:
    roles = read_roles(node("a: {allow: [kapa.chat], includes: x}\nb: 3"))
    assert roles["a"].allow == ("kapa.chat",)
    assert set(roles) == {"a", "b"}
    assert read_roles(None) == {}


def test_grants_are_those_of_kapa_the_gateway_and_the_routes(node: Callable[[str], Mapping]) -> None:
    assert {"kapa.chat", "route.crm", "*"} <= set(grants(node("a: 1"), ROUTES))
