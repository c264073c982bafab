"""Limits that can never bind, since another is always reached first: they promise what they do not keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kapagate.filters.guard_question import GuardQuestion
from kapagate.filters.rate_limit import RateLimit
from kapagate.policy import codes
from kapagate.policy.annotations import Path
from kapagate.policy.changes import at
from kapagate.policy.finding import Diagnostics
from kapagate.policy.gateway import Limits
from kapagate.policy.nodes import Mapping
from kapagate.policy.position import Span
from kapagate.policy.steps import Lane, StepCompiler, StepDeclaration
from kapagate.policy.validation import place
from kapagate.traffic.gcra import Limit


def warn_of_idle_limits(
    node: Mapping, limits: Limits, steps: Lane, compiler: StepCompiler, problems: Diagnostics
) -> None:
    """`node` is the Gateway document; `steps` are those of its gate and chain."""
    _note_door(node, limits, problems)
    earlier: list[tuple[StepDeclaration, RateLimit]] = []
    for step in steps:
        placed = compiler.placed(step)
        made = placed.declaration if placed else None
        if isinstance(made, GuardQuestion) and made.max_length is not None and made.max_length >= limits.body:
            message = f"a body has at most {limits.body} bytes, so no text of {made.max_length} characters arrives"
            problems.add(codes.IDLE_LIMIT, step.place(("max_length",)), message)
        if isinstance(made, RateLimit) and step.options.mode == "enforce":
            _note_rates(step, made, earlier, problems)
            earlier.append((step, made))


def _note_door(node: Mapping, limits: Limits, problems: Diagnostics) -> None:
    """Only of what the policy says itself: a default that does not bind is nobody's mistake."""
    for field, other, why in (
        ("exchanges", "connections", "each has one exchange at a time"),
        ("exchanges_per_tenant", "exchanges", "that is of all tenants together"),
    ):
        path: Path = ("listen", "limits", field)
        most, reached = getattr(limits, field), getattr(limits, other)
        if most > reached and at(node, path) is not None:
            message = f"{most} is never reached: `{other}` is {reached}, and {why}"
            problems.add(codes.IDLE_LIMIT, place(node, path), message)


def _note_rates(
    step: StepDeclaration, made: RateLimit, earlier: Sequence[tuple[StepDeclaration, RateLimit]], problems: Diagnostics
) -> None:
    for index, limit in enumerate(made.limits()):
        for span, hides in _stricter(step, made, limit, earlier):
            path: Path = ("limit", index) if len(made.limits()) > 1 else ("limit",)
            message = f"{limit.rate} is never reached: {hides} is stricter and counts the same or more"
            note = f"the other: {span}" if span else None
            problems.add(codes.IDLE_LIMIT, step.place(path), message, note=note)
            break


def _stricter(
    step: StepDeclaration, made: RateLimit, limit: Limit, earlier: Sequence[tuple[StepDeclaration, RateLimit]]
) -> Iterator[tuple[Span | None, str]]:
    """Limits that are reached whenever this one is, or before."""
    for other in made.limits():
        if other != limit and _hides(other, limit):
            yield None, f"{other.rate} beside it"
    for before, declared in earlier:
        same = before.options.when in (None, step.options.when) and declared.cost == made.cost
        if same and _dimensions(declared) <= _dimensions(made) and before.options.on_error == "deny":
            for other in declared.limits():
                if _hides(other, limit):
                    yield before.origin, f'{other.rate} of step "{before.id}"'


def _hides(strict: Limit, loose: Limit) -> bool:
    """Whether a bucket is empty whenever the other is: no larger, and refilled no faster. Of equal ones the first."""
    return strict.burst <= loose.burst and strict.interval >= loose.interval


def _dimensions(made: RateLimit) -> set[str]:
    """What is counted apart. Subjects are names within a tenant."""
    return {*made.per, "tenant"} if "subject" in made.per else {*made.per}
