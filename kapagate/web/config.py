"""The endpoint `config`: what is in force, and where it came from. Secrets appear as the references that name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from pydantic import BaseModel

from kapagate.chain.compose import Placed
from kapagate.chain.generation import Generation
from kapagate.chain.options import Options
from kapagate.chain.route import Route
from kapagate.ledger.record import moment


class StepView(Struct, frozen=True):
    """A step in force: its filter's name, the filter's own options and the common ones."""

    filter: str
    own: BaseModel
    options: Options

    def document(self) -> dict[str, Any]:
        common = self.options.model_dump(mode="json", exclude_defaults=True)
        return {"id": self.filter, "filter": self.filter, **common, "options": self.own.model_dump(mode="json")}


class Attempt(Struct, frozen=True):
    """The last time that the policy was loaded, at wall time `at`: who or what asked for it, and how it went. `policy`
    is the hash of the one that is live since. `errors` are as `kapagate check` prints them. `needs_restart`: what the
    files say otherwise than the gateway was started with, and what stays as it was until the next start.
    """

    at: float
    success: bool
    by: str
    policy: str
    errors: str = ""
    summary: str = ""
    needs_restart: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        told = {"at": moment(self.at), "success": self.success, "by": self.by, "policy": self.policy}
        wrong = {} if self.success else {"summary": self.summary, "errors": self.errors}
        return {**told, **wrong, "needs_restart": list(self.needs_restart)}


class ConfigView(Struct, frozen=True):
    """A generation as people see it. `loaded_at` is wall time; `tenants` have the chain that is in force for them.
    `last` is the last attempt to load it or another.
    """

    policy: str
    files: Sequence[str]
    loaded_at: float
    gate: Sequence[StepView]
    chain: Sequence[StepView]
    routes: Sequence[Route]
    upstreams: Mapping[str, BaseModel] = field(default_factory=dict)
    tenants: Mapping[str, Sequence[StepView]] = field(default_factory=dict)
    last: Attempt | None = None

    def document(self) -> dict[str, Any]:
        chain = [step.document() for step in self.chain]
        return {
            "policy": self.policy,
            "files": list(self.files),
            "loaded_at": moment(self.loaded_at),
            **({"reload": self.last.document()} if self.last else {}),
            "upstreams": {name: upstream.model_dump(mode="json") for name, upstream in self.upstreams.items()},
            "gate": [step.document() for step in self.gate],
            "chain": chain,
            "routes": [_route(route) for route in self.routes],
            "tenants": [{"name": name, **_own(steps, chain)} for name, steps in self.tenants.items()],
        }


def view_of(generation: Generation, files: Sequence[str], loaded_at: float, last: Attempt | None = None) -> ConfigView:
    """A generation as people see it; `files` are those that it came from."""
    routes, steps = generation.routes.routes, generation.steps
    upstreams = {route.upstream.name: route.upstream.declaration for route in routes if route.upstream}
    return ConfigView(
        policy=generation.policy,
        files=files,
        loaded_at=loaded_at,
        gate=_views(steps.gate),
        chain=_views(steps.chain),
        routes=routes,
        upstreams={name: model for name, model in upstreams.items() if model is not None},
        tenants={name: _views((tenant.steps or steps).chain) for name, tenant in generation.tenants.items()},
        last=last,
    )


def _views(lane: Sequence[Placed]) -> list[StepView]:
    return [StepView(placed.name, placed.declaration, placed.options) for placed in lane if placed.declaration]


def _own(steps: Sequence[StepView], chain: list[dict[str, Any]]) -> dict[str, Any]:
    """A tenant's chain, where it is not the gateway's."""
    own = [step.document() for step in steps]
    return {} if own == chain else {"chain": own}


def _route(route: Route) -> dict[str, Any]:
    return {
        "name": route.name,
        "methods": sorted(route.methods),
        "path": route.template,
        "permission": route.permission,
        "upstream": route.upstream.name if route.upstream else None,
        **({"public": True} if route.public else {}),
        **({"gate": [placed.id for placed in route.gate]} if route.gate is not None else {}),
    }
