"""Whether everything that can be asked is limited: an endpoint that is not will be asked without end some day."""

from __future__ import annotations

from collections.abc import Sequence

from kapagate.chain.compose import Placed, Steps
from kapagate.chain.generation import Generation
from kapagate.chain.route import Route
from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.matrix import always_acts
from kapagate.policy.position import Span
from kapagate.policy.routes import DeclaredRoute
from kapagate.policy.work import Work

LIMIT = "rate_limit"


def warn_of_unlimited(generation: Generation, routes: Sequence[DeclaredRoute], problems: Diagnostics) -> Work[None]:
    """Where routes lead that no step limits for every caller: once, and for tenants that are worse off than others."""
    limits = _limits_of(generation.steps)
    lacking = _note(generation.steps, limits, routes, frozenset(), "", problems)
    seen = {limits}
    for tenant in generation.tenants.values():
        if tenant.steps is not None and (limits := _limits_of(tenant.steps)) not in seen:
            seen.add(limits)
            lacking |= _note(tenant.steps, limits, routes, lacking, tenant.name, problems)
        yield


def _limits_of(steps: Steps) -> tuple[Placed, ...]:
    return tuple(placed for placed in steps.chain if placed.name == LIMIT)


def _note(
    steps: Steps,
    limits: tuple[Placed, ...],
    routes: Sequence[DeclaredRoute],
    known: frozenset[Route],
    tenant: str,
    problems: Diagnostics,
) -> frozenset[Route]:
    found: dict[Span, list[Route]] = {}
    for each in routes:
        gate = steps.gate if each.route.gate is None else each.route.gate
        if each.route not in known and not any(_limits(step, each.route) for step in (*gate, *limits)):
            found.setdefault(each.leads_to, []).append(each.route)
    for span, lacking in found.items():
        message = f"nothing limits how often {_listed([each.name for each in lacking])} may be asked"
        problems.add(codes.UNLIMITED, span, message, note=f'for tenant "{tenant}"' if tenant else None)
    return frozenset(route for lacking in found.values() for route in lacking)


def _limits(placed: Placed, route: Route) -> bool:
    return placed.name == LIMIT and always_acts(placed, route)


def _listed(names: Sequence[str]) -> str:
    """`kapa.chat, kapa.feedback and 3 more`."""
    shown = ", ".join(names[:3])
    return shown if len(names) < 4 else f"{shown} and {len(names) - 3} more"
