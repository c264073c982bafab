"""The routes that a policy declares, and whether all of its routes get along."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from collections.abc import Mapping as Map
from typing import Final

from msgspec import Struct

from kapagate.access.endpoints import ENDPOINTS
from kapagate.answer.events import TextKind
from kapagate.answer.fields import FieldPath, parse_field_path, parse_running_path, places_of
from kapagate.chain.compose import ANSWER_SURFACES
from kapagate.chain.route import FindTexts, Route, Serve, Surface
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
_TEXT: Final[frozenset[Surface]] = frozenset({"answer text"})
_RUNNING: Final[frozenset[Surface]] = frozenset({"running text"})
_WHOLE: Final[frozenset[Surface]] = frozenset({"whole answer"})
_QUESTION: Final[frozenset[Surface]] = frozenset({"question"})
_NOTHING: Final[frozenset[Surface]] = frozenset()
_MATCH = re.compile(r"(\S+)\s+(\S+)")


class DeclaredRoute(Struct, frozen=True, eq=False):
    """A route, and where its name, its methods and path, and what answers stand. `own`: the steps of its own gate."""

    route: Route
    name: Span
    match: Span
    leads_to: Span
    own: tuple[StepDeclaration, ...] = ()


class RouteReader(Struct, frozen=True):
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
        known = self.upstreams.get(declared.upstream or "")
        shows, hides = surfaces_of(declared, methods, known is not None and known.buffers)
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
            running_texts=declared.running_text,
            finds_texts=_asked(declared.question) if declared.question else None,
            endless=declared.running_text == (),
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
        for option, fields in (("text", declared.text), ("question", declared.question)):
            self._check_paths(node, option, fields, parse_field_path)
        self._check_paths(node, "running_text", declared.running_text or (), parse_running_path)

    def _check_paths(self, node: Mapping, option: str, fields: Sequence[str], parse: Callable[[str], object]) -> None:
        for index, text in enumerate(fields):
            try:
                parse(text)
            except ValueError as cause:
                self.problems.add(codes.UNACCEPTABLE, place(node, (option, index)), str(cause))

    def _check_opaque(self, node: Mapping, declared: RouteDeclaration, template: str) -> None:
        span = place(node, ("path",))
        if declared.serve is not None:
            self.problems.add(codes.ROUTE_SHAPE, span, "only an upstream can make sense of an opaque path")
        if not opaque_prefix(template):
            message = 'an opaque path has one parameter, {rest:*} at its end: "GET /files/{rest:*}"'
            self.problems.add(codes.ROUTE_SHAPE, place(node, ("match",)), message)


def surfaces_of(
    declared: RouteDeclaration, methods: Collection[str], held: bool
) -> tuple[frozenset[Surface], frozenset[Surface]]:
    """What a route to a backend shows, and what it hides. `held`: streams are held to their end."""
    shows, hides = _answer_surfaces(declared, held)
    if declared.question:
        return shows | _QUESTION, hides
    return shows, hides | _QUESTION if not _WITH_BODY.isdisjoint(methods) else hides


def _answer_surfaces(declared: RouteDeclaration, held: bool) -> tuple[frozenset[Surface], frozenset[Surface]]:
    if not declared.text and not declared.running_text:
        return _NOTHING, ANSWER_SURFACES
    shows = _TEXT | _RUNNING if declared.running_text else _TEXT
    flows = declared.running_text is not None and not held
    return (shows, _WHOLE) if flows else (shows | _WHOLE, _NOTHING)


def _asked(fields: Sequence[str]) -> FindTexts:
    kinds: dict[FieldPath, TextKind] = {parse_field_path(text): "question" for text in fields}
    return lambda document: places_of(document, kinds)


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
