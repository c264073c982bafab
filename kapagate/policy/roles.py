"""The roles of a policy: what they include and grant exists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kapagate.access.permissions import known_grants
from kapagate.access.roles import RoleDeclaration, faults
from kapagate.chain.route import Route
from kapagate.policy.finding import Diagnostics
from kapagate.policy.invalid import Known, note_invalid
from kapagate.policy.nodes import Mapping, Node, Scalar
from kapagate.policy.nodes import Sequence as Items
from kapagate.policy.validation import Subject, place, salvage


def read_roles(node: Node | None) -> dict[str, RoleDeclaration]:
    """All roles, wrong ones as far as they go; what is wrong with them the Gateway document's model says."""
    if not isinstance(node, Mapping):
        return {}
    quiet = Diagnostics()
    return {name: _read(entry.value, quiet) or RoleDeclaration() for name, entry in node.entries.items()}


def _read(node: Node, problems: Diagnostics) -> RoleDeclaration | None:
    return salvage(RoleDeclaration, Subject(node), problems) if isinstance(node, Mapping) else None


def grants(node: Mapping, routes: Sequence[Route]) -> tuple[str, ...]:
    """Every grant that means something, those of routes that are wrong otherwise too."""
    return tuple(sorted(known_grants({*(route.name for route in routes), *_names(node.get("routes"))})))


def check_roles(
    roles: dict[str, RoleDeclaration], node: Mapping, routes: Sequence[Route], problems: Diagnostics
) -> tuple[str, ...]:
    """Notes roles and permissions that do not exist and circles; gives the roles' names."""
    names = tuple({*(route.name for route in routes), *_names(node.get("routes"))})
    known = Known(tuple(roles), grants(node, routes))
    for fault in faults(roles, names):
        note_invalid(fault, place(node, ("roles", *fault.at)), known, problems, _covered(str(fault), routes))
    return tuple(roles)


def _covered(message: str, routes: Sequence[Route]) -> str | None:
    """A route's name where its permission is meant."""
    for route in routes:
        if message.endswith(f"'{route.name}'"):
            return f'"{route.name}" is covered by "{route.permission}"'
    return None


def _names(routes: Node | None) -> Iterator[str]:
    for item in routes.items if isinstance(routes, Items) else ():
        name = item.get("name") if isinstance(item, Mapping) else None
        if isinstance(name, Scalar) and isinstance(name.value, str):
            yield name.value
