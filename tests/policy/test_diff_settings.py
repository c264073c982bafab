from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.access.roles import RoleDeclaration
from kapagate.chain.principal import Account
from kapagate.chain.secret import Secret
from kapagate.policy.diff_settings import account_changes, role_changes, route_changes
from kapagate.policy.nodes import Mapping

Node = Callable[[str], Mapping]


def test_a_role_is_what_it_may_do_however_it_is_written(node: Node) -> None:
    nodes = node("roles: {a: {}}\n"), node("roles: {a: {}}\n")
    before = {"a": RoleDeclaration(allow=("admin.config.*",))}
    after = {"a": RoleDeclaration(allow=("admin.config.read",))}
    (found,) = role_changes(before, after, nodes)
    assert (found.label, found.before.text) == ("tighter", "admin.config.reload")
    assert list(role_changes(before, before, nodes)) == []


@pytest.mark.parametrize(
    ("match", "label"), [("GET /a", "tighter"), ("GET|POST|PUT /a", "looser"), ("GET /b", "unknown")]
)
def test_fewer_methods_are_tighter(node: Node, match: str, label: str) -> None:
    routes = 'routes: [{{name: a, match: "{}", upstream: crm, on_uninspectable: pass}}]\n'
    (found,) = route_changes((node(routes.format("GET|POST /a")), node(routes.format(match))))
    assert (found.field, found.label) == ("match", label)


def test_keys_of_accounts_are_told_as_references() -> None:
    before, after = (Account("p", Secret(f"clear-{name}", f"${{env:{name}}}")) for name in ("ONE", "TWO"))
    (found,) = account_changes("acme", {"kapa": before}, {"kapa": after}, ("a:1:1", "b:1:1"))
    assert (found.field, found.label, found.after.text) == ("api_key", "unknown", "${env:TWO}")
