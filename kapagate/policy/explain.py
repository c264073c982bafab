"""What a policy says of one request: its route, the steps in order, each option with the place that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from typing import Any

import orjson

from kapagate.access.roles import Roles
from kapagate.chain.compose import Placed
from kapagate.chain.route import SURFACES, Route
from kapagate.policy.annotations import Path
from kapagate.policy.load import Loaded
from kapagate.policy.nodes import Mapping, Node, Scalar
from kapagate.policy.steps import StepDeclaration

_ASKED = {
    "identify": "who asks",
    "rbac": "whether their roles allow it",
    "rate_limit": "how often",
    "audit": "that it is recorded",
}
_LONGEST = 120
_SETTINGS = {"name", "listen", "state", "pseudonyms", "roles", "tenant_secrets"}
"""The settings that their models read; what else a Gateway document says is kept raw, resolved references too."""


@dataclass(frozen=True, slots=True)
class Option:
    """One effective option. `origin` is where it stands; empty: nowhere, it is the default."""

    name: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class StepExplained:
    """A step in its place. `acts` says what it does for this request, or why it does nothing."""

    id: str
    filter: str
    lane: str
    origin: str
    acts: str
    decisions: Sequence[str]
    options: Sequence[Option]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One request. `undecided` is what no step that acts has a say in."""

    method: str
    path: str
    route: str
    template: str
    permission: str
    leads_to: str
    tenant: str
    roles: Sequence[str]
    policy: str
    steps: Sequence[StepExplained] = field(default_factory=tuple)
    undecided: Sequence[str] = field(default_factory=tuple)


def explain(loaded: Loaded, method: str, target: str, tenant: str, roles: Sequence[str]) -> Explanation:
    """Of a policy that was loaded without errors. Raises LookupError for a tenant that it has not, Problem for a target
    that is not acceptable.
    """
    generation, build = loaded.generation, loaded.build
    if generation is None or build is None or build.ground is None:
        raise LookupError("the policy has errors")
    known = generation.tenants.get(tenant)
    if known is None:
        names = ", ".join(sorted(generation.tenants)[:12])
        raise LookupError(f'there is no tenant "{tenant}"; there are: {names or "none"}')
    meant = generation.meant(method, target.encode())
    route = meant.route
    gate = generation.steps.gate if route.gate is None else route.gate
    chain = (known.steps or generation.steps).chain if route.found else ()
    own = [step for each in build.routes for step in each.own]
    lane = build.ground.tenancy.chains.get(tenant, build.ground.lanes[1])
    declared = {step.id: step for step in (*build.ground.lanes[0], *own, *lane)}
    asked = _Asked(route, method, tuple(roles), Roles(loaded.gateway.roles if loaded.gateway else {}))
    steps = [_explained(placed, "gate", declared.get(placed.id), asked) for placed in gate]
    steps += [_explained(placed, "chain", declared.get(placed.id), asked) for placed in chain]
    return Explanation(
        method,
        meant.path,
        route.name,
        route.template,
        route.permission,
        _leads_to(route),
        tenant,
        tuple(roles),
        generation.policy,
        tuple(steps),
        tuple(_undecided(route, [each for each in (*gate, *chain) if not asked.idle(each)])),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
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
        needs = set(placed.step.needs)
        if needs and needs.isdisjoint(self.route.shows):
            return "skips: this route has nothing that it could look at"
        return f"looks at {', '.join(sorted(needs & self.route.shows))}" if needs else "acts"


def _leads_to(route: Route) -> str:
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


def _explained(placed: Placed, lane: str, declared: StepDeclaration | None, asked: _Asked) -> StepExplained:
    decisions = sorted(placed.declaration.decisions) if placed.declaration and not asked.idle(placed) else []
    origin = str(declared.origin) if declared else ""
    options = tuple(_options(placed, declared))
    return StepExplained(placed.id, placed.name, lane, origin, asked.acts(placed), decisions, options)


def _options(placed: Placed, declared: StepDeclaration | None) -> Iterator[Option]:
    """The common options that are not the default, then the filter's own. What comes of a reference is shown as the
    file says it.
    """
    for name, value in placed.options.model_dump(mode="json", exclude_defaults=True).items():
        yield Option(name, value, str(declared.place((name,))) if declared else "")
    if placed.declaration is None:
        return
    for path, value in _leaves(placed.declaration.model_dump(mode="json"), ()):
        node = _written(declared.own, path) if declared is not None else None
        said = node.text if isinstance(node, Scalar) and node.held else value
        origin = str(declared.place(path)) if declared is not None and node is not None else ""
        yield Option(".".join(map(str, path)), said, origin)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        for key, within in value.items():
            yield from _leaves(within, (*path, key))
    elif path:
        yield path, value


def _written(node: Mapping, path: Path) -> Node | None:
    """What a file says at this path, or of all that is above it; None: nothing."""
    current: Node = node
    for part in path:
        if not isinstance(current, Mapping):
            return current
        found = current.get(str(part))
        if found is None:
            return None
        current = found
    return current


def as_text(told: Explanation) -> str:
    """For people: a paragraph per step."""
    roles = f" as {', '.join(told.roles)}" if told.roles else ""
    lines = [
        f"{told.method} {told.path} for {told.tenant}{roles}",
        f"route {told.route} ({told.template}), permission {told.permission or 'none'}, to {told.leads_to}",
        f"policy {told.policy}",
    ]
    for step in told.steps:
        may = f"; may say {', '.join(step.decisions)}" if step.decisions else ""
        lines += ["", f"{step.lane}: {step.id} ({step.filter}) {step.origin}", f"  {step.acts}{may}"]
        lines += [
            f"  {option.name} = {_short(option.value)}  {option.origin or '(default)'}" for option in step.options
        ]
    if told.undecided:
        lines += ["", "no step decides:", *(f"  {each}" for each in told.undecided)]
    return "\n".join(lines)


def _short(value: Any) -> str:
    said = value if isinstance(value, str) else orjson.dumps(value).decode()
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 3]}..."


def rendered(loaded: Loaded, origins: bool = False) -> dict[str, Any]:
    """The effective policy of every tenant; secrets as the references that name them. `origins`: each option of a step
    with the place that it comes from. Raises LookupError when there are errors.
    """
    generation, build = loaded.generation, loaded.build
    if generation is None or build is None or build.ground is None or loaded.gateway is None:
        raise LookupError("the policy has errors")
    ground, tell = build.ground, _told_with_origins if origins else _told
    upstreams = {each.upstream.name: each.upstream.declaration for each in generation.routes.routes if each.upstream}
    gate = {step.id: step for step in ground.lanes[0]}
    own = {step.id: step for each in build.routes for step in each.own}
    return {
        "policy": generation.policy,
        "gateway": loaded.gateway.model_dump(mode="json", include=_SETTINGS),
        "upstreams": {name: model.model_dump(mode="json") for name, model in upstreams.items() if model is not None},
        "gate": [tell(placed, gate.get(placed.id)) for placed in generation.steps.gate],
        "routes": [_route(route, tell, own) for route in generation.routes.routes],
        "tenants": {
            name: _chain(
                (tenant.steps or generation.steps).chain, ground.tenancy.chains.get(name, ground.lanes[1]), tell
            )
            for name, tenant in sorted(generation.tenants.items())
        },
    }


Tell = Callable[[Placed, StepDeclaration | None], dict[str, Any]]


def _chain(chain: Sequence[Placed], lane: Sequence[StepDeclaration], tell: Tell) -> list[dict[str, Any]]:
    declared = {step.id: step for step in lane}
    return [tell(placed, declared.get(placed.id)) for placed in chain]


def _route(route: Route, tell: Tell, own: Map[str, StepDeclaration]) -> dict[str, Any]:
    """A route, with the steps that are its own."""
    steps = [tell(placed, own[placed.id]) for placed in route.gate or () if placed.id in own]
    return {
        "name": route.name,
        "methods": sorted(route.methods),
        "path": route.template,
        "permission": route.permission,
        "to": _leads_to(route),
        **({"public": True} if route.public else {}),
        **({"gate": steps} if steps else {}),
    }


def _told(placed: Placed, declared: StepDeclaration | None) -> dict[str, Any]:
    own = placed.declaration.model_dump(mode="json") if placed.declaration is not None else {}
    return {placed.name: own, "id": placed.id, **placed.options.model_dump(mode="json", exclude_defaults=True)}


def _told_with_origins(placed: Placed, declared: StepDeclaration | None) -> dict[str, Any]:
    options = {
        each.name: {"value": each.value, "origin": each.origin or "default"} for each in _options(placed, declared)
    }
    return {
        "id": placed.id,
        "filter": placed.name,
        "origin": str(declared.origin) if declared else "",
        "options": options,
    }
