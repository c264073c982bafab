"""A generation: the immutable set of everything that was compiled from one policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kapagate.chain.compose import Chain, Steps
from kapagate.chain.principal import Tenant
from kapagate.chain.route import Route
from kapagate.chain.route_table import RouteTable


class Generation:
    """What the data plane stands on. `policy` is the hash of the policy it came from; `steps` the gateway's own."""

    __slots__ = ("policy", "routes", "steps", "tenants")

    def __init__(self, *, routes: Sequence[Route], steps: Steps, tenants: Mapping[str, Tenant], policy: str) -> None:
        self.routes = RouteTable(routes)
        self.steps = steps
        self.tenants = tenants
        self.policy = policy

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route of a canonical path and its parameters; a route that refuses when there is none."""
        return self.routes.match(method, path)

    def stranger(self, route: Route, method: str) -> Chain:
        """The chain until the caller's tenant is known: the gate, and the gateway's own hooks for refusals."""
        return self.steps.composed(route, method)

    def chain(self, route: Route, method: str, tenant: Tenant) -> Chain:
        """The tenant's chain."""
        return (tenant.steps or self.steps).composed(route, method)


class Live:
    """The one reference that a reload swaps."""

    __slots__ = ("generation",)

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
