"""Which steps of an exchange under way the policy now in force has switched off.

Switched off is a step that enforced, and that the policy in force would not let enforce anything on this very exchange:
it is gone, or `mode: off`, or `shadow`, or its `when` means this tenant's route, method or caller no more. A step that
only has other options is not, nor are those of a route or a tenant that is gone: their answers end as they began. Nor
is one that may just have another name: an unknown step of the same filter acts where it stood.

Whether the answer goes on without the step says its `on_error`, as it was, or as the policy in force has it beside
`mode: off` - which is how an operator lets answers under way go on.
"""

from __future__ import annotations

from collections.abc import Mapping

from kapagate.chain.compose import Placed, Steps
from kapagate.chain.exchange import Exchange
from kapagate.chain.generation import Generation, Live
from kapagate.chain.principal import NOBODY, PRINCIPAL, TENANT
from kapagate.chain.route import Route


class Succession:
    """The switches (`kapagate.answer.switches.Switches`) of one exchange."""

    __slots__ = ("_ex", "known", "live")

    def __init__(self, ex: Exchange, live: Live) -> None:
        self._ex = ex
        self.live = live
        self.known = ex.generation

    def off(self) -> Mapping[str, bool]:
        self.known = self.live.generation
        before, after = _steps(self._ex, self._ex.generation), _steps(self._ex, self.known)
        route = next((each for each in self.known.routes.routes if each.name == self._ex.route.name), None)
        if before is None or after is None or route is None:
            return {}
        stood, stand = _by_id(before, self._ex.route), _by_id(after, route)
        found: dict[str, bool] = {}
        for name, step in stood.items():
            if not self._enforces(step, self._ex.route) or self._stands(step, stood, stand, route):
                continue
            now = stand.get(name)
            found[name] = "allow" in (step.options.on_error, now.options.on_error if now else "deny")
        return found

    def _stands(self, step: Placed, stood: Mapping[str, Placed], stand: Mapping[str, Placed], route: Route) -> bool:
        """Whether it still enforces, by its name or by one that is new."""
        now = stand.get(step.id)
        if now is not None:
            return self._enforces(now, route)
        new = (each for each in stand.values() if each.id not in stood and each.name == step.name)
        return any(self._enforces(each, route) for each in new)

    def _enforces(self, step: Placed, route: Route) -> bool:
        """Whether it acts on this exchange, and not as a shadow."""
        options = step.options
        if options.mode != "enforce":
            return False
        when = options.when
        if when is None:
            return True
        roles = self._ex.facts.get(PRINCIPAL, NOBODY).roles
        meant = when.role is None or not frozenset(when.role).isdisjoint(roles)
        return meant and when.covers(route, self._ex.request.method)


def succession(ex: Exchange) -> Succession | None:
    """None where no other policy can come into force."""
    live = ex.generation.live
    return None if live is None else Succession(ex, live)


def _steps(ex: Exchange, generation: Generation) -> Steps | None:
    """Gate and chain of the exchange's tenant there; None where that tenant is not known."""
    tenant = ex.get(TENANT)
    if tenant is None:
        return generation.steps
    known = generation.tenants.get(tenant.name)
    return None if known is None else known.steps or generation.steps


def _by_id(steps: Steps, route: Route) -> dict[str, Placed]:
    return {each.id: each for each in (*(steps.gate if route.gate is None else route.gate), *steps.chain)}
