"""The routes that a policy declares, and whether all of its routes get along."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Final

from kapagate.access.endpoints import ENDPOINTS
from kapagate.answer.fields import parse_field_path
from kapagate.chain.route import Route, Serve, Surface
from kapagate.chain.route_table import RouteTable
from kapagate.chain.template import opaque_prefix, parse_template
from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.gateway import RouteDeclaration
from kapagate.policy.nodes import Mapping, Node, described
from kapagate.policy.position import Span
from kapagate.policy.route_gates import read_own
from kapagate.policy.steps import StepDeclaration
from kapagate.policy.suggestion import closest
from kapagate.policy.upstreams import DeclaredUpstream
from kapagate.policy.validation import Subject, place, validate

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_ANSWER: Final[frozenset[Surface]] = frozenset({"answer text", "whole answer"})
_QUESTION: Final[frozenset[Surface]] = frozenset({"question"})
_NOTHING: Final[frozenset[Surface]] = frozenset()
_MATCH = re.compile(r"(\S+)\s+(\S+)")


@dataclass(frozen=True, slots=True, eq=False)
class DeclaredRoute:
    """A route, and where its name, its methods and path, and what answers stand. `own`: the steps of its own gate."""

    route: Route
    name: Span
    match: Span
    leads_to: Span
    own: tuple[StepDeclaration, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteReader:
    """Reads the entries of `routes:`. `names` are those of all upstreams, wrong ones too."""

    upstreams: Map[str, DeclaredUpstream]
    names: Sequence[str]
    serves: Map[str, Serve]
    body_limit: int
    problems: Diagnostics

    def read(self, node: Node, index: int) -> DeclaredRoute | None:
        """One route; None when something is wrong, and then all of it is noted."""
        if not isinstance(node, Mapping):
            self.problems.add(codes.WRONG_TYPE, node.span, f"a route is a mapping, not {described(node)}")
            return None
        before = self.problems.errors
        declared = validate(RouteDeclaration, Subject(node, f"routes[{index}]"), self.problems)
        if declared is None:
            return None
        methods, template = self._match(node, declared.match)
        leads_to = self._check_target(node, declared)
        self._check_texts(node, declared)
        if declared.path == "opaque":
            self._check_opaque(node, declared, template)
        own = read_own(node, declared.name, declared.public, self.problems)
        if self.problems.errors > before:
            return None
        route = self._route(declared, methods, template)
        return DeclaredRoute(route, place(node, ("name",)), place(node, ("match",)), leads_to, own)

    def _route(self, declared: RouteDeclaration, methods: frozenset[str], template: str) -> Route:
        shows = _ANSWER if declared.text else _NOTHING
        hides = _NOTHING if declared.text else _ANSWER
        hides = hides | _QUESTION if methods & _WITH_BODY else hides
        known = self.upstreams.get(declared.upstream or "")
        endpoint = ENDPOINTS[declared.serve] if declared.serve else None
        return Route(
            name=declared.name,
            methods=methods,
            template=template,
            permission=endpoint.permission if endpoint else f"route.{declared.name}",
            operation=declared.name,
            upstream=known.upstream if known else None,
            serve=self.serves.get(declared.serve) if declared.serve else None,
            answer_texts=tuple((text, "other") for text in declared.text),
            shows=_NOTHING if endpoint else shows,
            hides=_NOTHING if endpoint else hides,
            on_uninspectable=declared.on_uninspectable or "error",
            body_limit=self.body_limit,
            idempotent=declared.idempotent,
            opaque=declared.path == "opaque",
            public=declared.public,
        )

    def _match(self, node: Mapping, text: str) -> tuple[frozenset[str], str]:
        span = place(node, ("match",))
        found = _MATCH.fullmatch(text.strip())
        if found is None:
            message = 'expected methods and a path, such as "GET|POST /crm/{rest:*}"'
            self.problems.add(codes.ROUTE_SHAPE, span, message)
            return frozenset(), ""
        methods, template = found[1].split("|"), found[2]
        for method in methods:
            if method not in METHODS:
                self.problems.unknown(codes.ROUTE_SHAPE, span, "method", method, METHODS)
        try:
            parse_template(template)
        except ValueError as cause:
            self.problems.add(codes.ROUTE_SHAPE, span, str(cause))
        return frozenset(methods), template

    def _check_target(self, node: Mapping, declared: RouteDeclaration) -> Span:
        if (declared.upstream is None) == (declared.serve is None):
            span = node.key_span("serve" if declared.serve else "name")
            self.problems.add(codes.ROUTE_SHAPE, span, "a route has exactly one of upstream and serve")
            return span
        if declared.serve is not None:
            span = place(node, ("serve",))
            if declared.serve not in ENDPOINTS:
                self.problems.unknown(codes.UNKNOWN_ENDPOINT, span, "endpoint", declared.serve, sorted(ENDPOINTS))
            elif declared.public and not ENDPOINTS[declared.serve].harmless:
                message = f"what {declared.serve} tells is not for everybody: the route cannot be public"
                self.problems.add(codes.ROUTE_SHAPE, place(node, ("public",)), message)
            return span
        span, name = place(node, ("upstream",)), str(declared.upstream)
        known = self.upstreams.get(name)
        if name not in self.names:
            self.problems.unknown(codes.UNKNOWN_UPSTREAM, span, "upstream", name, sorted(self.names))
        elif known and known.has_accounts:
            message = f'"{name}" brings its own routes; none can be added'
            self.problems.add(codes.ROUTE_SHAPE, span, message)
        return span

    def _check_texts(self, node: Mapping, declared: RouteDeclaration) -> None:
        for index, text in enumerate(declared.text):
            try:
                parse_field_path(text)
            except ValueError as cause:
                self.problems.add(codes.UNACCEPTABLE, place(node, ("text", index)), str(cause))

    def _check_opaque(self, node: Mapping, declared: RouteDeclaration, template: str) -> None:
        span = place(node, ("path",))
        if declared.serve is not None:
            self.problems.add(codes.ROUTE_SHAPE, span, "only an upstream can make sense of an opaque path")
        if not opaque_prefix(template):
            message = 'an opaque path has one parameter, {rest:*} at its end: "GET /files/{rest:*}"'
            self.problems.add(codes.ROUTE_SHAPE, place(node, ("match",)), message)


def check_together(routes: Sequence[DeclaredRoute], problems: Diagnostics) -> None:
    """No name twice, no request for two routes."""
    by_route = {each.route: each for each in routes}
    first: dict[str, DeclaredRoute] = {}
    for each in routes:
        known = first.setdefault(each.route.name, each)
        if known is not each:
            message = f'there is a route "{each.route.name}" already'
            problems.add(codes.REPEATED_ROUTE, each.name, message, note=f"first at {known.name}")
    for one, other in RouteTable([each.route for each in routes]).ambiguities():
        shared = "path" if one.opaque or other.opaque else "request"
        for this, that in ((one, other), (other, one)):
            message = f'route "{this.name}" and route "{that.name}" can match the same {shared}'
            problems.add(
                codes.AMBIGUOUS_ROUTES, by_route[this].match, message, note=f"the other: {by_route[that].match}"
            )


def route_names(routes: Iterable[Route]) -> tuple[str, ...]:
    """Everything by which a policy may mean a route."""
    return tuple(dict.fromkeys(name for route in routes for name in (route.name, route.permission)))


def check_names(names: Sequence[str], places: Sequence[Span], routes: Sequence[Route], problems: Diagnostics) -> None:
    """What `when: {route: [...]}` names exists."""
    known = route_names(routes)
    for name, span in zip(names, places, strict=True):
        if name not in known:
            suggestion = closest(name, known)
            message = f'unknown route or operation "{name}"'
            problems.add(codes.UNKNOWN_ROUTE, span, message, suggestion=suggestion)
