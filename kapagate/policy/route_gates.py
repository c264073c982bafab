"""Routes' own gates: the gateway's steps, in which a route's own take the place of those of their kind.

What is new has a place of its own: `cors` before everything, so that it answers for all that refuses behind it,
`ip_allow` next, `identify` last. A public route has the gateway's steps without those that find out who asks.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from kapagate.chain.compose import Placed
from kapagate.chain.options import Options
from kapagate.chain.principal import PRINCIPAL
from kapagate.chain.route import Route
from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.nodes import Entry, Mapping, described
from kapagate.policy.nodes import Sequence as Items
from kapagate.policy.steps import StepCompiler, StepDeclaration

FIRST = ("cors", "ip_allow")
OWN = (*FIRST, "identify")
"""The filters that a route may have of its own."""


def read_own(node: Mapping, name: str, public: bool, problems: Diagnostics) -> tuple[StepDeclaration, ...]:
    """The steps that a route has of its own. What is wrong with their shape is noted."""
    own = [step for kind in OWN if kind in node.entries and (step := _read(node.entries[kind], kind, name, problems))]
    if public and "identify" in node.entries:
        message = "a public route asks nobody who they are: take `public` or `identify` away"
        problems.add(codes.ROUTE_SHAPE, node.key_span("identify"), message)
    return tuple(own)


def _read(entry: Entry, kind: str, name: str, problems: Diagnostics) -> StepDeclaration | None:
    value = entry.value
    if kind == "ip_allow" and isinstance(value, Items):
        value = Mapping(value.span, {"allow": Entry(entry.span, value)})
    if not isinstance(value, Mapping):
        message = f"expected a mapping with the options of {kind}, found {described(value)}"
        problems.add(codes.WRONG_TYPE, entry.span, message)
        return None
    return StepDeclaration(kind, value, Mapping(entry.span, {}), Options(), entry.span, name)


class RouteGates(Struct, frozen=True):
    """Composes them of the gateway's `gate`."""

    gate: Sequence[Placed]
    compiler: StepCompiler

    def of(self, routes: Sequence[tuple[Route, Sequence[StepDeclaration]]]) -> list[Route]:
        """The routes with their gates, and with what any of these vouches for."""
        own = [tuple(step for each in steps if (step := self.compiler.placed(each))) for _, steps in routes]
        asserts = frozenset[bytes]().union(*(each.step.asserts for steps in own for each in steps))
        return [
            replace(route, gate=self._composed(route, steps), asserts=asserts)
            for (route, _), steps in zip(routes, own, strict=True)
        ]

    def _composed(self, route: Route, own: tuple[Placed, ...]) -> tuple[Placed, ...] | None:
        if not own and not route.public:
            return None
        pending = {each.name: each for each in own}
        steps: list[Placed] = []
        for each in self.gate:
            if each.name in pending:
                steps.append(pending.pop(each.name))
            elif not any(step.name == each.name for step in own) and not (
                route.public and PRINCIPAL in each.step.writes
            ):
                steps.append(each)
        return (*(pending.pop(kind) for kind in FIRST if kind in pending), *steps, *pending.values())
