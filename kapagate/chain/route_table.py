"""Which route a request means. No two routes match one request (checked at load), so there is no order among them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from msgspec import Struct, field

from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.path import opaque
from kapagate.chain.problem import Problem
from kapagate.chain.response import Response
from kapagate.chain.route import Route, serves
from kapagate.chain.template import Parameter, Segment, opaque_prefix, overlap, parse_template


class _Node(Struct):
    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    ends: list[tuple[Route, tuple[str, ...]]] = field(default_factory=list)
    rests: list[tuple[Route, tuple[str, ...]]] = field(default_factory=list)


_Match = tuple[Route, tuple[str, ...], tuple[str, ...]]


class RouteTable:
    """Routes by the segments of their templates."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._root = _Node()
        self._refusals: dict[tuple[str, ...], Route] = {}
        self._opaque = tuple({opaque_prefix(route.template): None for route in routes if route.opaque})
        for route in routes:
            for template in (route.template, *route.aliases):
                self._add(route, template)

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and its parameters (percent-encoded as in the path); a route that refuses when there is none."""
        allowed: set[str] = set()
        for route, names, values in self._matching(path):
            if serves(route.methods, method):
                return route, dict(zip(names, values, strict=True))
            allowed |= route.answers
        return self._refusal(tuple(sorted(allowed)), not allowed and self._slashed(path)), {}

    def opaque(self, raw: bytes) -> str | None:
        """A path that goes on as it came, since it is an opaque route's. Raises Problem `malformed-path`."""
        for prefix in self._opaque:
            found = opaque(raw, prefix)
            if found is not None:
                return found
        return None

    def ambiguities(self) -> list[tuple[Route, Route]]:
        """Pairs of routes that some request could match both. Nobody shares the paths of an opaque route, whatever the
        methods, but another with the same template.
        """
        parsed = [(route, parse_template(text)) for route in self.routes for text in (route.template, *route.aliases)]
        return [
            (one, other)
            for (one, left), (other, right) in combinations(parsed, 2)
            if one is not other and (one.answers & other.answers or _differ(one, other)) and overlap(left, right)
        ]

    def _add(self, route: Route, template: str) -> None:
        node, names = self._root, []
        for segment in parse_template(template):
            if isinstance(segment, Parameter):
                names.append(segment.name)
                if segment.rest:
                    node.rests.append((route, tuple(names)))
                    return
            node = _child(node, segment)
        node.ends.append((route, tuple(names)))

    def _slashed(self, path: str) -> bool:
        return not path.endswith("/") and bool(self._matching(path + "/"))

    def _matching(self, path: str) -> list[_Match]:
        found: list[_Match] = []
        _gather(self._root, path[1:].split("/"), 0, (), found)
        return found

    def _refusal(self, allowed: tuple[str, ...], slashed: bool) -> Route:
        key = ("/",) if slashed else allowed
        route = self._refusals.get(key)
        if route is None:
            route = self._refusals[key] = _refusing(allowed, slashed)
        return route


def _differ(one: Route, other: Route) -> bool:
    """Whether they would read one path in two ways."""
    return (one.opaque or other.opaque) and (one.opaque, one.template) != (other.opaque, other.template)


def door_of(route: Route, refusal: Route) -> Route:
    """What a preflight for a route stands before: its gate, and behind it `refusal`. Its operation is no operation of
    the upstream's.
    """
    return Route(
        route.name,
        frozenset(),
        route.template,
        route.permission,
        "preflight",
        serve=refusal.serve,
        found=False,
        public=route.public,
        gate=route.gate,
    )


def _child(node: _Node, segment: Segment) -> _Node:
    if isinstance(segment, str):
        return node.literals.setdefault(segment, _Node())
    if node.parameter is None:
        node.parameter = _Node()
    return node.parameter


def _gather(node: _Node, segments: list[str], at: int, values: tuple[str, ...], found: list[_Match]) -> None:
    """Every route whose template matches the segments from `at` on, with its parameters' values."""
    if at == len(segments):
        for route, names in node.ends:
            found.append((route, names, values))
        return
    for route, names in node.rests:
        found.append((route, names, (*values, "/".join(segments[at:]))))
    segment = segments[at]
    literal = node.literals.get(segment)
    if literal is not None:
        _gather(literal, segments, at + 1, values, found)
    if node.parameter is not None and segment:
        _gather(node.parameter, segments, at + 1, (*values, segment), found)


def _refusing(allowed: tuple[str, ...], slashed: bool) -> Route:
    """What is asked for when nothing is here: it passes the gate, so that strangers learn nothing, and then refuses."""

    async def refuse(exchange: Exchange) -> Response:
        if allowed:
            detail = f"this address takes {', '.join(allowed)}"
            raise Problem(problems.METHOD_NOT_ALLOWED, detail, allow=allowed)
        hint = "; the address ends in '/'" if slashed else ""
        raise Problem(problems.NOT_FOUND, f"no route of this gateway matches the request{hint}")

    return Route("other", frozenset(), "other", "", "other", serve=refuse, found=False)
