"""The PolicyTest documents of a set of files: read strictly, and held against the policy that they are about."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from kapagate.chain.generation import Generation
from kapagate.policy import codes
from kapagate.policy.documents import HEADER, Document
from kapagate.policy.finding import Diagnostics
from kapagate.policy.nodes import Mapping
from kapagate.policy.nodes import Sequence as Items
from kapagate.policy.position import Span
from kapagate.policy.suggestion import closest
from kapagate.policy.validation import Subject, place, validate
from kapagate.policytest.declaration import PARTS, Call, Case, PolicyTest
from kapagate.policytest.expectations import Path
from kapagate.policytest.play import NOON, calls_of
from kapagate.policytest.series import parse_series


class Planned(Struct, frozen=True, eq=False):
    """A case in its place. `calls` are complete: what the case says for all of them is in each."""

    tests: PolicyTest
    case: Case
    node: Mapping
    calls: tuple[Call, ...]

    @property
    def name(self) -> str:
        return f"{self.tests.name}: {self.case.name}"

    @property
    def environment(self) -> dict[str, str]:
        return {**self.tests.environment, **self.case.environment}

    @property
    def begun(self) -> float:
        """When the case begins, Unix seconds."""
        return (self.case.now or self.tests.now or NOON).timestamp()

    def place(self, call: int, path: Path, at_key: bool = False) -> Span:
        """Where an expectation of a call stands, or the closest above it."""
        above: Path = ("calls", call) if self.case.calls else ()
        return place(self.node, (*above, "expect", *path), place(self.node, ("name",)), at_key)


class Suites(Struct):
    """The cases of all documents, in the order of files."""

    cases: list[Planned] = field(default_factory=list)
    documents: int = 0


def read_suites(documents: Sequence[Document], problems: Diagnostics) -> Suites:
    """What is wrong is noted, and nothing of that document is run."""
    suites = Suites()
    for document in documents:
        if document.kind == "PolicyTest":
            suites.documents += 1
            subject = Subject(document.node, key=document.kind_span, also=HEADER)
            tests = validate(PolicyTest, subject, problems)
            if tests is not None:
                suites.cases += _planned(tests, document.node, problems)
    return suites


def _planned(tests: PolicyTest, node: Mapping, problems: Diagnostics) -> list[Planned]:
    items = node.get("cases")
    nodes = [each for each in items.items if isinstance(each, Mapping)] if isinstance(items, Items) else []
    found = [Planned(tests, case, each, calls_of(case)) for case, each in zip(tests.cases, nodes, strict=True)]
    names: set[str] = set()
    for planned in found:
        _check(planned, problems)
        if planned.case.name in names:
            span = place(planned.node, ("name",))
            problems.add(codes.REPEATED_CASE, span, f'there is a case "{planned.case.name}" already')
        names.add(planned.case.name)
    return found


def _check(planned: Planned, problems: Diagnostics) -> None:
    """What can be said of a case without the policy."""
    case, node = planned.case, planned.node
    if case.calls and case.expect is not None:
        span = node.key_span("expect")
        problems.add(codes.MISPLACED_FIELD, span, '"expect" belongs to each of the calls, not beside them')
    if not any(call.expect is not None for call in planned.calls):
        problems.add(codes.MISSING, place(node, ("name",)), 'the case expects nothing: give it an "expect"')
    for index, call in enumerate(planned.calls):
        above: Path = ("calls", index) if case.calls else ()
        if (call.route is None) == (call.request is None):
            span = place(node, (*above, "route"), place(node, ("name",)))
            problems.add(codes.CALL_SHAPE, span, "a call has exactly one of route and request")
        elif call.request is not None and not _is_request(call.request):
            message = 'a request is a method and a target: "POST /crm/notes"'
            problems.add(codes.CALL_SHAPE, place(node, (*above, "request")), message)
        if call.caller is not None and call.caller not in planned.tests.callers:
            span = place(node, (*above, "caller") if "caller" in call.model_fields_set and above else ("caller",))
            problems.unknown(codes.UNKNOWN_CALLER, span, "caller", call.caller, sorted(planned.tests.callers))
        for series in call.expect.metrics if call.expect else ():
            try:
                parse_series(series)
            except ValueError as cause:
                problems.add(codes.UNACCEPTABLE, planned.place(index, ("metrics", series), True), str(cause))


def _is_request(text: str) -> bool:
    method, _, target = text.partition(" ")
    return method.isalpha() and method.isupper() and target.startswith("/") and " " not in target


def check_names(planned: Planned, generation: Generation, steps: Sequence[str], problems: Diagnostics) -> None:
    """The routes and steps that a case names are those of the policy."""
    routes = [route.name for route in generation.routes.routes]
    for index, part in enumerate(planned.case.failing):
        if part not in (*PARTS, *steps):
            problems.unknown(codes.UNKNOWN_STEP, place(planned.node, ("failing", index)), "step", part, steps)
    for index, call in enumerate(planned.calls):
        above: Path = ("calls", index) if planned.case.calls else ()
        if call.route is not None and call.route not in routes:
            span = place(planned.node, (*above, "route") if _says(planned, index, "route") else ("route",))
            message = f'unknown route or operation "{call.route}"'
            problems.add(codes.UNKNOWN_ROUTE, span, message, suggestion=closest(call.route, routes))
        expected = call.expect
        named: list[tuple[Path, str]] = []
        if expected is not None:
            named += [(("decisions", step), step) for step in expected.decisions]
            named += [(("step",), expected.step)] if expected.step is not None else []
        for path, step in named:
            if step not in steps:
                problems.unknown(
                    codes.UNKNOWN_STEP, planned.place(index, path, path[0] == "decisions"), "step", step, steps
                )


def _says(planned: Planned, index: int, key: str) -> bool:
    return bool(planned.case.calls) and key in planned.case.calls[index].model_fields_set
