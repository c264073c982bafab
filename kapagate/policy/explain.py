"""What a policy says of one request: its route, the steps in order, each option with the place that it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from msgspec import Struct, field

from kapagate.access.roles import Roles
from kapagate.chain.compose import Placed
from kapagate.chain.route import SURFACES, Route
from kapagate.policy.effective import Option, options
from kapagate.policy.load import Loaded
from kapagate.policy.origin import DEFAULT, Origin, Origins
from kapagate.policy.steps import StepDeclaration
from kapagate.policy.suggestion import closest

_ASKED = {
    "identify": "who asks",
    "rbac": "whether their roles allow it",
    "rate_limit": "how often",
    "audit": "that it is recorded",
}
_LONGEST = 120
_MOST_NAMED = 12


class StepExplained(Struct, frozen=True):
    """A step in its place. `acts` says what it does for this request, or why it does nothing."""

    id: str
    filter: str
    lane: str
    origin: Origin
    acts: str
    decisions: Sequence[str]
    options: Sequence[Option]


class Explanation(Struct, frozen=True):
    """One request. `undecided` is what no step that acts has a say in; `opaque`: the path goes on as it came."""

    method: str
    path: str
    route: str
    template: str
    permission: str
    leads_to: str
    tenant: str
    roles: Sequence[str]
    policy: str
    opaque: bool = False
    steps: Sequence[StepExplained] = field(default_factory=tuple)
    undecided: Sequence[str] = field(default_factory=tuple)


def explain(loaded: Loaded, method: str, target: str, tenant: str, roles: Sequence[str]) -> Explanation:
    """Of a policy that was loaded without errors. Raises LookupError for a tenant or role that it has not, Problem for
    a target that is not acceptable.
    """
    generation, build = loaded.generation, loaded.build
    if generation is None or build is None or build.ground is None:
        raise LookupError("the policy has errors")
    known = generation.tenants.get(tenant)
    if known is None:
        raise _unknown("tenant", tenant, sorted(generation.tenants))
    declared_roles = loaded.gateway.roles if loaded.gateway else {}
    for role in roles:
        if role not in declared_roles:
            raise _unknown("role", role, list(declared_roles))
    meant = generation.meant(method, target.encode())
    route = meant.route
    gate = generation.steps.gate if route.gate is None else route.gate
    chain = (known.steps or generation.steps).chain if route.found else ()
    own = [step for each in build.routes for step in each.own]
    lane = build.ground.tenancy.chains.get(tenant, build.ground.lanes[1])
    declared = {step.id: step for step in (*build.ground.lanes[0], *own, *lane)}
    asked = _Asked(route, method, tuple(roles), Roles(declared_roles))
    origins = Origins(loaded.read)
    steps = [_explained(placed, "gate", declared.get(placed.id), asked, origins) for placed in gate]
    steps += [_explained(placed, "chain", declared.get(placed.id), asked, origins) for placed in chain]
    return Explanation(
        method,
        meant.path,
        route.name,
        route.template,
        route.permission,
        leads_to(route),
        tenant,
        tuple(roles),
        generation.policy,
        route.opaque,
        tuple(steps),
        tuple(_undecided(route, [each for each in (*gate, *chain) if not asked.idle(each)])),
    )


class _Asked(Struct, frozen=True):
    """The request, as far as it is known beforehand."""

    route: Route
    method: str
    roles: tuple[str, ...]
    all_roles: Roles

    def idle(self, placed: Placed) -> str:
        """Why a step does nothing here; empty when it acts."""
        when = placed.options.when
        if placed.options.mode == "off":
            return "is off"
        if when is not None and not when.covers(self.route, self.method):
            return "is not for this route: `when`"
        if when is not None and when.role is not None and set(when.role).isdisjoint(self.roles):
            return "is not for these roles: `when`"
        return ""

    def acts(self, placed: Placed) -> str:
        if idle := self.idle(placed):
            return idle
        shadow = "would, in shadow: " if placed.options.mode == "shadow" else ""
        return shadow + self._does(placed)

    def _does(self, placed: Placed) -> str:
        if placed.name == "rbac" and self.roles:
            allowed = self.all_roles.allows(self.roles, self.route.permission)
            return f"{'allows' if allowed else 'refuses'} {self.route.permission} for {', '.join(self.roles)}"
        if placed.name == "rbac":
            able = [role for role in self.all_roles.names if self.all_roles.allows((role,), self.route.permission)]
            return f"allows {self.route.permission} for {', '.join(able) or 'nobody'}, and refuses it for others"
        needs = set(placed.step.needs)
        if needs and needs.isdisjoint(self.route.shows):
            return "skips: this route has nothing that it could look at"
        return f"looks at {', '.join(sorted(needs & self.route.shows))}" if needs else "acts"


def leads_to(route: Route) -> str:
    if not route.found:
        return "nothing: it is refused"
    return f"upstream {route.upstream.name}" if route.upstream else "the gateway itself"


def _undecided(route: Route, acting: Sequence[Placed]) -> Iterator[str]:
    names = {placed.name for placed in acting if placed.options.mode == "enforce"}
    yield from (said for name, said in _ASKED.items() if name not in names)
    guarded = {surface for placed in acting if placed.options.mode == "enforce" for surface in placed.step.needs}
    for surface in SURFACES:
        if surface in route.hides:
            yield f"{surface}: hidden from every guard"
        elif surface in route.shows and surface not in guarded:
            yield f"{surface}: no guard asks for it"


def _explained(
    placed: Placed, lane: str, declared: StepDeclaration | None, asked: _Asked, origins: Origins
) -> StepExplained:
    decisions = sorted(placed.declaration.decisions) if placed.declaration and not asked.idle(placed) else []
    origin = origins.of(declared.origin) if declared else DEFAULT
    effective = tuple(options(placed, declared, origins))
    return StepExplained(placed.id, placed.name, lane, origin, asked.acts(placed), decisions, effective)


def as_text(told: Explanation) -> str:
    """For people: a paragraph per step."""
    roles = f" as {', '.join(told.roles)}" if told.roles else ""
    lines = [
        f"{told.method} {told.path} for {told.tenant}{roles}",
        f"route {told.route} ({told.template}), permission {told.permission or 'none'}, to {told.leads_to}",
        *(["opaque: behind its words the path goes on byte by byte as it came"] if told.opaque else []),
        f"policy {told.policy}",
    ]
    for step in told.steps:
        may = f"; may say {', '.join(step.decisions)}" if step.decisions else ""
        lines += ["", f"{step.lane}: {step.id} ({step.filter}) {step.origin}", f"  {step.acts}{may}"]
        lines += [f"  {option.name} = {_short(option.value)}  {option.origin}" for option in step.options]
    if told.undecided:
        lines += ["", "no step decides:", *(f"  {each}" for each in told.undecided)]
    return "\n".join(lines)


def _short(value: Any) -> str:
    said = value if isinstance(value, str) else orjson.dumps(value).decode()
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 3]}..."


def _unknown(what: str, word: str, known: Sequence[str]) -> LookupError:
    near = closest(word, known)
    meant = f' did you mean "{near}"?' if near else ""
    return LookupError(f'there is no {what} "{word}";{meant} there are: {", ".join(known[:_MOST_NAMED]) or "none"}')
