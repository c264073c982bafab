"""Who may do what: every operation, route and endpoint against every role."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from kapagate.access.endpoints import ENDPOINTS
from kapagate.access.permissions import KAPA
from kapagate.access.roles import RoleDeclaration, Roles
from kapagate.chain.compose import Placed
from kapagate.chain.generation import Generation
from kapagate.chain.route import Route

ALLOWED, NOT_ALLOWED, DENIED, ANYBODY = "yes", "-", "denied", "anybody"


class Row(NamedTuple):
    """One thing that can be asked, the permission that it needs, and a word for each role."""

    name: str
    permission: str
    cells: tuple[str, ...]


class Matrix(NamedTuple):
    """`yes`, `-`, `denied` where a role's deny decides, `anybody` where no `rbac` asks for roles."""

    roles: tuple[str, ...]
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        table = [("", "needs", *self.roles), *((row.name, row.permission, *row.cells) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in table)
        return "\n".join(line.rstrip() for line in lines)

    def records(self) -> list[dict[str, object]]:
        """A record for each row: its name, its permission, and a word for each role."""
        return [
            {"name": row.name, "permission": row.permission, "roles": dict(zip(self.roles, row.cells, strict=True))}
            for row in self.rows
        ]


def matrix_of(generation: Generation, declarations: Mapping[str, RoleDeclaration]) -> Matrix:
    """The gateway's own chain decides what asks for roles; a tenant's may differ where `rbac` is not locked. A
    permission that goes further than an operation's own (`kapa.threads.all`) stands behind it.
    """
    roles = Roles(declarations)
    return Matrix(roles.names, tuple(_rows(generation, roles)))


def _rows(generation: Generation, roles: Roles) -> Iterator[Row]:
    for route in generation.routes.routes:
        asks = any(asks_for_roles(step, route) for step in generation.steps.chain) and not route.public
        yield Row(route.name, route.permission, _cells(roles, route.permission) if asks else _open(roles.names))
        for permission in KAPA:
            if permission.startswith(f"{route.permission}."):
                yield Row(permission, permission, _cells(roles, permission))
    for endpoint in ENDPOINTS.values():
        name = f"{endpoint.method} {endpoint.path}"
        yield Row(name, endpoint.permission, _cells(roles, endpoint.permission))


def asks_for_roles(placed: Placed, route: Route) -> bool:
    return placed.name == "rbac" and always_acts(placed, route)


def always_acts(placed: Placed, route: Route) -> bool:
    """Whether a step is enforced on every request of a route, whoever asks."""
    options = placed.options
    if options.mode != "enforce":
        return False
    when = options.when
    return when is None or (when.role is None and all(when.covers(route, method) for method in route.answers))


def _cells(roles: Roles, permission: str) -> tuple[str, ...]:
    return tuple(_cell(roles, role, permission) for role in roles.names)


def _cell(roles: Roles, role: str, permission: str) -> str:
    if roles.allows((role,), permission):
        return ALLOWED
    return DENIED if roles.denies(role, permission) else NOT_ALLOWED


def _open(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(ANYBODY for _ in names)
