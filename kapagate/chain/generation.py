"""A generation: the immutable set of everything that was compiled from one policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kapagate.chain.compose import Chain, Steps
from kapagate.chain.headers import Headers
from kapagate.chain.path import canonical, split_target
from kapagate.chain.principal import Tenant
from kapagate.chain.route import Route
from kapagate.chain.route_table import RouteTable, door_of
from kapagate.chain.shadow import Watcher

_MOST_KNOWN = 1024
_LONGEST_KNOWN = 256


class Meant(NamedTuple):
    """What a method and a target mean here: the canonical path, the raw query, the route with the values of its
    parameters, and the chain until the caller is known.
    """

    path: str
    query: str
    route: Route
    params: Mapping[str, str]
    chain: Chain


class Generation:
    """What the data plane stands on. `policy` is the hash of the policy it came from, which answers tell where it is
    `told`; `steps` the gateway's own. `watcher` is told what shadows would have done, from when it is put in use;
    `live` knows then what comes after it.
    """

    __slots__ = ("_doors", "_known", "_marks", "headers", "live", "policy", "routes", "steps", "tenants", "watcher")

    def __init__(
        self,
        *,
        routes: Sequence[Route],
        steps: Steps,
        tenants: Mapping[str, Tenant],
        policy: str,
        told: bool = False,
    ) -> None:
        self.routes = RouteTable(routes)
        self.steps = steps
        self.tenants = tenants
        self.policy = policy
        self.headers = ((b"Kapagate-Policy", policy.encode("ascii")),) if told else ()
        self.watcher: Watcher | None = None
        self.live: Live | None = None
        self._known: dict[tuple[str, bytes], Meant] = {}
        self._doors: dict[Route, Route] = {}
        self._marks = [placed.step.marks for placed in steps.gate if placed.step.marks and placed.options.unconditional]

    def meant(self, method: str, target: bytes) -> Meant:
        """What is asked for; short targets that lead to a route are remembered. Raises Problem `malformed-path`."""
        known = self._known.get((method, target))
        return known if known is not None else self._looked_up(method, target)

    def _looked_up(self, method: str, target: bytes) -> Meant:
        raw_path, query = split_target(target)
        path = self.routes.opaque(raw_path) or canonical(raw_path)
        route, params = self.match(method, path)
        meant = Meant(path, query, route, params, self.stranger(route, method))
        if route.found and len(target) <= _LONGEST_KNOWN:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[method, target] = meant
        return meant

    def preflight(self, announced: str, target: bytes) -> Meant:
        """What an OPTIONS means that asks for a request with the method `announced` (Fetch, "CORS-preflight request"):
        the gate of the route that takes that, unless some route takes OPTIONS itself. Raises Problem `malformed-path`.
        """
        meant = self.meant("OPTIONS", target)
        route, params = self.match(announced, meant.path)
        if meant.route.found or not route.found:
            return meant
        door = self._doors.get(route) or self._doors.setdefault(route, door_of(route, meant.route))
        return meant._replace(route=door, params=params, chain=self.stranger(door, "OPTIONS"))

    def marks(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        """What the gateway's gate writes on an answer to a request that no exchange came of."""
        return [field for marks in self._marks for field in marks(headers)]

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
        generation.live = self

    def put(self, generation: Generation) -> None:
        """The policy in force from now on."""
        generation.live = self
        self.generation = generation
