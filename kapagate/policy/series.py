"""How many series of metrics a policy can come to at the worst: every label value is one of its names, or `other`, so
the products of their numbers bound each family, whatever is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple, get_args

from kapagate.chain import problems
from kapagate.chain.compose import Placed
from kapagate.chain.generation import Generation
from kapagate.chain.problem import Kind
from kapagate.chain.route import METHODS, Route
from kapagate.chain.verdict import Outcome
from kapagate.filters.guard_answer import GuardAnswer
from kapagate.filters.metrics import CHARACTERS, QUESTION_ENDINGS, SCORES, SECONDS, SKIPS, STATUSES, Metrics
from kapagate.guards.guard import Guard
from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.position import Span
from kapagate.policy.steps import StepDeclaration

_STATUSES = len(STATUSES) + 1
_TIMES = len(SECONDS) + 3  # the buckets with +Inf, the sum, the count
_LENGTHS = len(CHARACTERS) + 3
_SCORES = len(SCORES) + 3
_ANY_METHOD = len(METHODS) + 1
_FINDINGS = 32  # kinds of personal data, and what limits, records and ends are called
_WOULD = len(get_args(Outcome)) + 2
_PROBLEMS = sum(isinstance(each, Kind) for each in vars(problems).values())


class Worst(NamedTuple):
    """The most series by family, and the most that the policy allows."""

    families: dict[str, int]
    allowed: int

    @property
    def total(self) -> int:
        return sum(self.families.values())


def worst_case(generation: Generation) -> Worst | None:
    """None: the policy has no metrics."""
    placed = [each for each in _placed(generation) if each.options.mode != "off"]
    allowed = [each.declaration.max_series for each in placed if isinstance(each.declaration, Metrics)]
    if not allowed:
        return None
    steps = {each.id for each in placed}
    shadows = {each.id for each in placed if each.options.mode == "shadow"}
    families = _families(generation.routes.routes, len(generation.tenants), steps, shadows)
    guards = [each.declaration for each in placed if isinstance(each.declaration, Guard)]
    families["kapagate_guard_edits_total"] += sum(len(each.company_policy) + len(each.detectors) for each in guards)
    families["kapagate_answer_confidence"] = len(steps) * _SCORES if any(map(_scores, guards)) else 0
    return Worst(families, min(allowed))


def _scores(guard: Guard) -> bool:
    return isinstance(guard, GuardAnswer) and guard.confidence.below is not None


def check_series(generation: Generation, steps: Iterable[StepDeclaration], document: Span, found: Diagnostics) -> bool:
    """Whether there are never more than allowed; if not it is noted at the first `metrics` of these steps, or at the
    document.
    """
    worst = worst_case(generation)
    if worst is None or worst.total <= worst.allowed:
        return True
    step = next((each for each in steps if each.filter == "metrics"), None)
    span = step.place(("max_series",)) if step else document
    message = f"this policy could come to {worst.total} series of metrics, and {worst.allowed} are allowed"
    note = f"{largest(worst)}; have fewer routes with fewer methods, or raise `max_series`"
    found.add(codes.TOO_MANY_SERIES, span, message, note=note)
    return False


def largest(worst: Worst) -> str:
    """`most in http_requests_total: 2280`."""
    name = max(worst.families, key=worst.families.__getitem__)
    return f"most in {name}: {worst.families[name]}"


def _families(routes: Sequence[Route], tenants: int, steps: set[str], shadows: set[str]) -> dict[str, int]:
    endpoints = sum(len(each.answers) for each in routes) + _ANY_METHOD
    upstreams = {each.upstream.name for each in routes if each.upstream}
    operations = len({each.operation for each in routes})
    kapa = len({each.operation for each in routes if each.permission.startswith("kapa.")})
    requests, durations = endpoints * _STATUSES, endpoints * _TIMES
    return {
        "http_requests_total": requests,
        "api_requests_total": requests,
        "http_request_duration_seconds": durations,
        "api_request_duration_seconds": durations,
        "kapa_queries_total": (tenants + 1) * len(QUESTION_ENDINGS),
        "kapa_api_latency_seconds": kapa * _TIMES,
        "kapagate_first_text_seconds": operations * _TIMES,
        "kapagate_held_back_characters": operations * _LENGTHS,
        "kapagate_refusals_total": (len(steps) + len(upstreams) + 1) * _PROBLEMS,
        "kapagate_shadow_total": len(shadows) * _WOULD,
        "kapagate_guard_edits_total": (len(steps) + len(upstreams)) * _FINDINGS,
        "kapagate_guard_skipped_total": (len(steps) + len(upstreams)) * len(SKIPS),
        "kapagate_window_candidates_at_bound_total": len(steps) + len(upstreams),
    }


def _placed(generation: Generation) -> Iterable[Placed]:
    """Every step of every chain, and of the routes' own gates."""
    all_steps = {generation.steps, *(each.steps for each in generation.tenants.values() if each.steps)}
    own = (each.gate for each in generation.routes.routes if each.gate)
    return {*chain.from_iterable((*each.gate, *each.chain) for each in all_steps), *chain.from_iterable(own)}
