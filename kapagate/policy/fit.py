"""What can be said about a chain as a whole: strangers are stopped, facts come in order, no need is hidden."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from kapagate.access.endpoints import ENDPOINTS
from kapagate.chain.compose import Placed
from kapagate.chain.fitness import findings
from kapagate.chain.principal import PRINCIPAL
from kapagate.chain.route import Route, Surface
from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.position import Span
from kapagate.policy.routes import DeclaredRoute
from kapagate.policy.steps import Lane, StepCompiler

_HARMLESS = frozenset(each.permission for each in ENDPOINTS.values() if each.harmless)
_WHOLE: frozenset[Surface] = frozenset({"whole answer"})


def check_identified(gate: Sequence[Placed], routes: Sequence[DeclaredRoute], problems: Diagnostics) -> None:
    """Open access is never an oversight: before what leads to an upstream or tells of the gateway, the gate asks who is
    there, or the route is declared public.
    """
    open_ones = [each for each in routes if _needs_asking(each.route) and _is_open(each.route, gate)]
    for span, route in {each.leads_to: each.route for each in open_ones}.items():
        leads = "leads to an upstream" if route.upstream else "tells of the gateway itself"
        message = f"this {leads}, and no step of the gate identifies the caller"
        note = "add `identify` to the gate or to the route, or say `public: true` at the route"
        problems.add(codes.UNIDENTIFIED, span, message, note=note)


def _needs_asking(route: Route) -> bool:
    return route.upstream is not None or route.permission not in _HARMLESS


def _is_open(route: Route, gate: Sequence[Placed]) -> bool:
    steps = gate if route.gate is None else route.gate
    asks = any(PRINCIPAL in each.step.writes and each.options.unconditional for each in steps)
    return not asks and not route.public


class Fitting(Struct, frozen=True):
    """Checks each distinct chain once, per upstreams whose streams the tenant has held to their end."""

    gate: Lane
    routes: Sequence[DeclaredRoute]
    compiler: StepCompiler
    problems: Diagnostics
    _done: set[tuple[Lane, frozenset[str]]] = field(default_factory=set)
    _said: set[tuple[Span, str]] = field(default_factory=set)

    def keep(self, chains: Collection[Lane]) -> None:
        """Forgets that others were checked, and what was said."""
        self._said.clear()
        self._done.intersection_update([each for each in self._done if each[0] in chains])

    def check(self, chain: Lane, buffered: frozenset[str] = frozenset(), tenant: str = "") -> None:
        """Notes what does not fit; a chain in which a step could not be compiled is passed over."""
        steps = (*self.gate, *chain)
        placed = [step for each in steps if (step := self.compiler.placed(each))]
        if (chain, buffered) in self._done or len(placed) < len(steps):
            return
        self._done.add((chain, buffered))
        routes = [_held(each.route, buffered) for each in self.routes]
        by_id = {step.id: step for step in (*steps, *(own for each in self.routes for own in each.own))}
        for found in findings(placed[: len(self.gate)], placed[len(self.gate) :], routes):
            span = by_id[found.step].place(found.option)
            if found.option[:2] != ("when", "route") and (span, found.message) not in self._said:
                self._said.add((span, found.message))
                note = f'for tenant "{tenant}"' if tenant else None
                self.problems.add(codes.MISFIT, span, f'step "{found.step}" {found.message}', note=note)


def _held(route: Route, buffered: frozenset[str]) -> Route:
    """The route as it is for a tenant whose streams from these upstreams are held to their end."""
    if route.upstream is None or route.upstream.name not in buffered or "whole answer" not in route.hides:
        return route
    return replace(route, shows=route.shows | _WHOLE, hides=route.hides - _WHOLE)
