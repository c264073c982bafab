"""What can be enforced where: every action of the guards on every operation, in every form that an answer has.

Nothing is decided here: what an action needs stands in its compiled step, what an operation shows in its route, and
whether the two fit is asked of `kapagate.chain.fitness`, as when a policy is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from kapagate.access.roles import RoleDeclaration, Roles
from kapagate.chain.compose import Placed
from kapagate.chain.filter import Filter
from kapagate.chain.fitness import findings
from kapagate.chain.options import Options
from kapagate.chain.route import Route
from kapagate.chain.services import Services
from kapagate.filters.guard_answer import GuardAnswer
from kapagate.filters.guard_question import GuardQuestion
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.kapa.operation import Operation
from kapagate.kapa.operations import OPERATIONS
from kapagate.kapa.widget import operations
from kapagate.policy.gateway import RouteDeclaration
from kapagate.policy.routes import surfaces_of
from kapagate.upstreams.kapa_mcp import KapaMcp

Form = Literal["json", "window", "buffer", "sse", "sse buffer", "opaque"]
Outcome = Literal["enforced", "nothing to guard", "refused", "skipped"]


class Action(Struct, frozen=True, eq=False):
    """One thing that a guard can be asked for; `options` are its fields in a policy, all others ask for nothing."""

    guard: str
    name: str
    options: Mapping[str, Any]

    def placed(self) -> Placed:
        """The compiled step."""
        model: type[Filter] = GuardQuestion if self.guard == "guard_question" else GuardAnswer
        declared = model.model_validate(self.options)
        step = declared.compile(Services({Roles: Roles({"viewer": RoleDeclaration()})}))
        return Placed(self.guard, self.guard, step, Options(), declared)


def _question(name: str, **options: Any) -> Action:
    return Action("guard_question", name, {"pii": "allow", **options})


def _answer(name: str, **options: Any) -> Action:
    return Action("guard_answer", name, {"pii": "allow", **options})


def _policy(action: str) -> list[dict[str, Any]]:
    return [{"id": "no-promises", "patterns": ["guaranteed?"], "action": action, "message": "Ask our lawyers."}]


_TERMS: Final = ["Project Falcon"]
_DETECTORS: Final = {"employee": {"pattern": r"\bEMP-\d{6}\b", "matches": ["EMP-123456"]}}
_INTERNAL: Final = "https://docs.example/internal/*"
_OPEN: Final = "https://docs.example/open/*"
_ERROR: Final = {"at_end": "error"}
_WITHHOLD: Final = {"uncertain": "withhold"}
SERVED: Final[Mapping[str, Operation]] = {**OPERATIONS, **{each.name: each for each in operations(())}}
"""Kapa's operations, the widget's among them."""

ACTIONS: Final = (
    _question("max_length", max_length=30),
    _question("pii: redact", pii="redact"),
    _question("pii: refuse", pii="refuse"),
    _question("detectors", detectors=_DETECTORS),
    _question("blocked_terms, redact", blocked_terms=_TERMS, on_blocked_term="redact"),
    _question("blocked_terms, refuse", blocked_terms=_TERMS, on_blocked_term="refuse"),
    _question("company_policy, redact", company_policy=_policy("redact")),
    _question("company_policy, refuse", company_policy=_policy("refuse")),
    _answer("pii: redact", pii="redact"),
    _answer("pii: refuse", pii="refuse"),
    _answer("detectors", detectors=_DETECTORS),
    _answer("blocked_terms, redact", blocked_terms=_TERMS, on_blocked_term="redact"),
    _answer("blocked_terms, refuse", blocked_terms=_TERMS, on_blocked_term="refuse"),
    _answer("company_policy, redact", company_policy=_policy("redact")),
    _answer("company_policy, refuse", company_policy=_policy("refuse")),
    _answer("company_policy, disclaim", company_policy=_policy("disclaim")),
    _answer("company_policy, withhold", company_policy=_policy("withhold")),
    _answer("company_policy, withhold, at_end: disclaim", company_policy=_policy("withhold"), at_end="disclaim"),
    _answer("company_policy, withhold, at_end: error", company_policy=_policy("withhold"), at_end="error"),
    _answer("code: remove", code="remove"),
    _answer("code: {only: ...}", code={"only": ["python", "inline"]}),
    _answer("max_response_length", max_response_length=30),
    *(
        _answer(f"sources.{name}{word}", sources={name: value}, **ending)
        for name, value in (("allow", [_OPEN]), ("deny", [_INTERNAL]), ("internal", "granted"))
        for word, ending in (("", {}), (", at_end: disclaim", {"at_end": "disclaim"}), (", at_end: error", _ERROR))
    ),
    _answer("sources.min", sources={"min": 2}),
    _answer("sources.min, at_end: disclaim", sources={"min": 2}, at_end="disclaim"),
    _answer("sources.min, at_end: error", sources={"min": 2}, at_end="error"),
    _answer("require_approval: true", require_approval=True),
    _answer("disclaim", disclaim=[{"role": ["viewer"], "message": "For viewers."}]),
    _answer("confidence.below, disclaim", confidence={"uncertain": "disclaim", "below": 0.7}),
    _answer("uncertain: disclaim", confidence={"uncertain": "disclaim"}),
    _answer("uncertain: withhold", confidence=_WITHHOLD),
    _answer("uncertain: withhold, at_end: disclaim", confidence=_WITHHOLD, at_end="disclaim"),
    _answer("uncertain: withhold, at_end: error", confidence=_WITHHOLD, at_end="error"),
)
BACKENDS: Final[Mapping[tuple[str, Form], Mapping[str, Any]]] = {
    ("`text`", "json"): {"text": ["notes[].text"]},
    ("`text`, `running_text: []`", "sse"): {"text": ["note"], "running_text": []},
    ("`question`, `running_text`", "json"): {"question": ["query"], "running_text": ["answer"]},
    ("`question`, `running_text`", "sse"): {"question": ["query"], "running_text": ["answer"]},
    ("`question`, `running_text`", "sse buffer"): {"question": ["query"], "running_text": ["answer"]},
    ("nothing declared", "opaque"): {},
}
"""Routes to internal backends by what they declare, and the form of what is answered there."""


class Case(Struct, frozen=True):
    """An operation and a form of its answers, as the route that it is."""

    operation: str
    form: Form
    route: Route


_MCP: Final = {"url": "https://docs.mcp.kapa.example"}
_MCP_FORMS: Final[Mapping[str, tuple[Form, ...]]] = {"mcp_messages": ("json", "sse"), "mcp_stream": ("sse",)}


def cases() -> Iterator[Case]:
    """Every operation in every form."""
    for name, operation in SERVED.items():
        for form in _forms(operation.streams):
            yield Case(name, form, operation.route(held=form == "buffer", unguarded=True))
    for (declares, form), options in BACKENDS.items():
        declared = RouteDeclaration(name="backend", match="POST /backend", upstream="backend", **options)
        shows, hides = surfaces_of(declared, {"POST"}, held=form == "sse buffer")
        backend = frozenset({"POST"}), "/backend", "route.backend", "backend"
        yield Case(f"backend with {declares}", form, Route("backend", *backend, shows=shows, hides=hides))
    server = KapaMcp.model_validate(_MCP).compile("mcp", Services({Pseudonyms: Pseudonyms(b"unused" * 6)}))
    for route in server.routes:
        for form in _MCP_FORMS.get(route.operation, ()):
            yield Case(route.operation, form, route)


def _forms(streams: bool) -> tuple[Form, ...]:
    return ("window", "buffer") if streams else ("json",)


class Cell(Struct, frozen=True):
    """What becomes of an action there. `why` is what the loader says of one that is refused; where there is nothing to
    guard, what it says of a step that is for such routes alone.
    """

    outcome: Outcome
    why: str = ""


def cell(step: Placed, route: Route) -> Cell:
    """What becomes of a step on a route. An answer that is decided on as a whole is running text, or a list of
    sources, and where there is none there is nothing whole either.
    """
    idle = ""
    for found in findings([], [step], [route]):
        if found.route:
            return Cell("refused", found.message)
        idle = idle or found.message
    needs = step.step.needs.keys() - {"whole answer"}
    if needs <= route.shows:
        return Cell("enforced")
    return Cell("skipped") if needs <= route.shows | route.hides else Cell("nothing to guard", idle)
