"""Roles: what the policy declares under `roles:`, compiled to answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict, Field

from kapagate.access.permissions import grants_for, known_grants
from kapagate.chain.filter import Invalid

_MOST_DECISIONS = 8192


class RoleDeclaration(BaseModel):
    """What callers who have this role may do. A deny wins over every allow, whichever of a caller's roles it is in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow: tuple[str, ...] = Field((), description="Permissions given: `kapa.chat`, `route.crm`, `admin.*`, `*`.")
    deny: tuple[str, ...] = Field((), description="Permissions taken away, whatever else gives them.")
    includes: tuple[str, ...] = Field((), description="Roles whose allow and deny this one has too.")


class Roles:
    """The compiled roles of one generation. Raises `Invalid` for the first of `faults`."""

    def __init__(self, declarations: Mapping[str, RoleDeclaration]) -> None:
        for fault in faults(declarations):
            raise fault
        self.names = tuple(declarations)
        self._allow = {name: _gathered(declarations, name, "allow") for name in declarations}
        self._deny = {name: _gathered(declarations, name, "deny") for name in declarations}
        self._decisions: dict[tuple[tuple[str, ...], str], bool] = {}
        self._orders: dict[tuple[str, ...], tuple[str, ...]] = {}

    def allows(self, roles: tuple[str, ...], permission: str) -> bool:
        """Whether a caller with these roles has a permission. Roles that the policy does not declare give nothing."""
        decision = self._decisions.get((roles, permission))
        if decision is None:
            if len(self._decisions) >= _MOST_DECISIONS:
                self._decisions.clear()
            decision = self._decisions[roles, permission] = self._decide(roles, permission)
        return decision

    def denies(self, role: str, permission: str) -> bool:
        """Whether this role takes a permission away, from whoever has it."""
        return bool(grants_for(permission) & self._deny.get(role, frozenset()))

    def declared(self, roles: tuple[str, ...]) -> tuple[str, ...]:
        """Of these roles those that the policy declares, in the policy's order, each once."""
        order = self._orders.get(roles)
        if order is None:
            if len(self._orders) >= _MOST_DECISIONS:
                self._orders.clear()
            order = self._orders[roles] = tuple(name for name in self.names if name in roles)
        return order

    def _decide(self, roles: tuple[str, ...], permission: str) -> bool:
        grants = grants_for(permission)
        allowed = any(grants & self._allow.get(role, frozenset()) for role in roles)
        return allowed and not any(self.denies(role, permission) for role in roles)


def faults(declarations: Mapping[str, RoleDeclaration], routes: tuple[str, ...] | None = None) -> Iterator[Invalid]:
    """Everything wrong with a policy's roles, with paths below `roles:`.

    Unknown includes and cycles always; grants that mean nothing only when the policy's `routes` are given.
    """
    grants = None if routes is None else known_grants(routes)
    for name, role in declarations.items():
        for index, included in enumerate(role.includes):
            if included not in declarations:
                yield Invalid(f"there is no role {included!r}", (name, "includes", index))
            elif _reaches(declarations, included, name):
                yield Invalid(f"{name!r} includes itself through {included!r}", (name, "includes", index))
        if grants is not None:
            yield from _unknown_grants(name, role, grants)


def _unknown_grants(name: str, role: RoleDeclaration, grants: frozenset[str]) -> Iterator[Invalid]:
    for key, listed in (("allow", role.allow), ("deny", role.deny)):
        for index, grant in enumerate(listed):
            if grant not in grants:
                yield Invalid(f"there is no permission {grant!r}", (name, key, index))


def _within(declarations: Mapping[str, RoleDeclaration], start: str) -> set[str]:
    """A role and all that it includes, at any depth."""
    found, left = set(), [start]
    while left:
        name = left.pop()
        if name not in found and name in declarations:
            found.add(name)
            left += declarations[name].includes
    return found


def _reaches(declarations: Mapping[str, RoleDeclaration], start: str, goal: str) -> bool:
    return goal in _within(declarations, start)


def _gathered(declarations: Mapping[str, RoleDeclaration], name: str, key: str) -> frozenset[str]:
    return frozenset(grant for role in _within(declarations, name) for grant in getattr(declarations[role], key))
