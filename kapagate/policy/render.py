"""The policy that is in force, all layers laid over each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Map
from typing import Any

from kapagate.chain.compose import Placed
from kapagate.chain.route import Route
from kapagate.policy.effective import options
from kapagate.policy.explain import leads_to
from kapagate.policy.load import Loaded
from kapagate.policy.origin import Origins
from kapagate.policy.steps import StepDeclaration

_RAW = {"admin_keys", "upstreams", "gate", "chain", "routes"}
"""What a Gateway document keeps as it is written, resolved references too: it is told of by what it came to."""
Tell = Callable[[Placed, StepDeclaration | None], dict[str, Any]]


def rendered(loaded: Loaded, origins: bool = False) -> dict[str, Any]:
    """The effective policy of every tenant; secrets as the references that name them. `origins`: each option of a step
    with the place and the layer that it comes from. Raises LookupError when there are errors.
    """
    generation, build = loaded.generation, loaded.build
    if generation is None or build is None or build.ground is None or loaded.gateway is None:
        raise LookupError("the policy has errors")
    ground, tell = build.ground, _teller_of_origins(Origins(loaded.read)) if origins else _told
    upstreams = {each.upstream.name: each.upstream.declaration for each in generation.routes.routes if each.upstream}
    gate = {step.id: step for step in ground.lanes[0]}
    own = {step.id: step for each in build.routes for step in each.own}
    return {
        "policy": generation.policy,
        "gateway": loaded.gateway.model_dump(mode="json", exclude=_RAW),
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
        "to": leads_to(route),
        **({"public": True} if route.public else {}),
        **({"opaque": True} if route.opaque else {}),
        **({"gate": steps} if steps else {}),
    }


def _told(placed: Placed, declared: StepDeclaration | None) -> dict[str, Any]:
    own = placed.declaration.model_dump(mode="json") if placed.declaration is not None else {}
    return {placed.name: own, "id": placed.id, **placed.options.model_dump(mode="json", exclude_defaults=True)}


def _teller_of_origins(origins: Origins) -> Tell:
    def tell(placed: Placed, declared: StepDeclaration | None) -> dict[str, Any]:
        return {
            "id": placed.id,
            "filter": placed.name,
            "origin": str(origins.of(declared.origin)) if declared else "",
            "options": {
                each.name: {"value": each.value, "origin": str(each.origin)}
                for each in options(placed, declared, origins)
            },
        }

    return tell
