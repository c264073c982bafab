"""What is declared and never used: most often a name that was meant and is spelt otherwise somewhere else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from kapagate.access.roles import RoleDeclaration, Roles
from kapagate.chain.compose import Steps
from kapagate.chain.principal import PRINCIPAL
from kapagate.chain.route import Route
from kapagate.policy import codes
from kapagate.policy.credentials import named_in, schemes_in
from kapagate.policy.finding import Diagnostics
from kapagate.policy.matrix import asks_for_roles
from kapagate.policy.nodes import Mapping, Node, Scalar, scalars
from kapagate.policy.routes import DeclaredRoute
from kapagate.policy.steps import StepDeclaration
from kapagate.policy.validation import place

_BY_LIST = frozenset({"api_key", "webhook_signature"})


def warn_of_idle_upstreams(node: Mapping, routes: Sequence[DeclaredRoute], problems: Diagnostics) -> None:
    """Upstreams that no route leads to; those that bring routes along have some."""
    led_to = {each.route.upstream.name for each in routes if each.route.upstream}
    declared = node.get("upstreams")
    for name, entry in declared.entries.items() if isinstance(declared, Mapping) else ():
        if name not in led_to:
            problems.add(codes.UNUSED, entry.span, f'no route leads to the upstream "{name}"')


def warn_of_closed_routes(
    routes: Sequence[DeclaredRoute], steps: Steps, roles: dict[str, RoleDeclaration], problems: Diagnostics
) -> None:
    """Routes of the policy's own that `rbac` guards and no role opens."""
    known = Roles(roles)
    for each in routes:
        route = each.route
        own = route.permission == f"route.{route.name}" or route.serve is not None
        if not own or not any(asks_for_roles(step, route) for step in steps.chain) or _is_anonymous(route, steps):
            continue
        if not any(known.allows((role,), route.permission) for role in known.names):
            message = f'no role has "{route.permission}": the route refuses everybody'
            problems.add(codes.UNREACHABLE, each.name, message)


def _is_anonymous(route: Route, steps: Steps) -> bool:
    gate = steps.gate if route.gate is None else route.gate
    return not any(PRINCIPAL in step.step.writes for step in gate)


def warn_of_idle_names(
    node: Mapping, steps: Sequence[StepDeclaration], tenants: Iterable[tuple[str, Node]], problems: Diagnostics
) -> None:
    """Roles and tenants that no credential can bring; tokens may bring any, and keys that are still to be made.
    `tenants`: names, and where they stand.
    """
    schemes = [scheme for step in steps for scheme in schemes_in(step.own.get("schemes"))]
    if not schemes or any(kind not in _BY_LIST or (kind == "api_key" and not _entries(own)) for kind, own in schemes):
        return
    named = {name for _, own in schemes for name, _ in named_in(own)}
    if not any(_names_by_path(own) for _, own in schemes):
        for name, where in tenants:
            if name not in named:
                problems.add(codes.UNUSED, where.span, f'no credential names the tenant "{name}"')
    _note_idle_roles(node, _brought(node, steps, [own for _, own in schemes]), problems)


def _brought(node: Mapping, steps: Sequence[StepDeclaration], schemes: Sequence[Node]) -> set[str]:
    """The roles that credentials bring, and those that these include."""
    found = {text for own in (*schemes, node.get("admin_keys")) for text in _roles_in(own)}
    declared = node.get("roles")
    pending = list(found)
    while pending and isinstance(declared, Mapping):
        included = _texts(declared.get(pending.pop()), "includes") - found
        found |= included
        pending += included
    return found


def _roles_in(own: Node | None) -> Collection[str]:
    if not isinstance(own, Mapping):
        return ()
    return set().union(*(_texts(each, "roles") for each in (own, *_entries(own))))


def _entries(own: Node) -> Sequence[Mapping]:
    keys = own.get("keys") if isinstance(own, Mapping) else None
    return [each for each in getattr(keys, "items", ()) if isinstance(each, Mapping)]


def _texts(node: Node | None, key: str) -> set[str]:
    """The texts of the list below a key."""
    held = node.get(key) if isinstance(node, Mapping) else None
    return {str(each.value) for each in scalars(held)} if held is not None else set()


def _names_by_path(own: Node) -> bool:
    tenant = own.get("tenant") if isinstance(own, Mapping) else None
    return isinstance(tenant, Scalar) and str(tenant.value).startswith("{")


def _note_idle_roles(node: Mapping, brought: set[str], problems: Diagnostics) -> None:
    declared = node.get("roles")
    for name in declared.entries if isinstance(declared, Mapping) else ():
        if name not in brought:
            span = place(node, ("roles", name), at_key=True)
            problems.add(codes.UNUSED, span, f'no credential brings the role "{name}"')
