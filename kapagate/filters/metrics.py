"""metrics: what Prometheus is told of every exchange. Every label value is a name from the policy, or `other`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from kapagate.answer.switches import SWITCHED_OFF
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter
from kapagate.chain.meter import Count, CountFamily, Meter, Observe
from kapagate.chain.order import NEUTRAL, Label
from kapagate.chain.principal import NO_TENANT, TENANT
from kapagate.chain.route import METHODS, Route
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.verdict import Decision
from kapagate.ledger.outcome import NO_STATUS, outcome_of, problem_of, status_of, uneventful

STATUSES = frozenset({NO_STATUS, *(str(status.value) for status in HTTPStatus if status >= 200)})
SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 90.0)
CHARACTERS = (0.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0)
SCORES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
MOST_SEEN = 4096
OTHER = "other"
FAILED = "failed"
SKIPS = (FAILED, SWITCHED_OFF)
"""Why a step was passed by."""
QUESTION_ENDINGS = ("answered", "uncertain", "refused", "failed", "gone")


class Seen(NamedTuple):
    """The series of exchanges that are alike. `queries`: of questions, which are what Kapa may be uncertain of;
    `latency`: of what went to Kapa.
    """

    requests: Count
    durations: Observe
    queries: Count | None
    latency: Observe | None


class Metrics(Filter):
    """Counts and times every exchange: by endpoint, by tenant, by step, and Kapa's own latency."""

    modes: ClassVar[frozenset[str]] = frozenset({"enforce", "off"})

    max_series: Annotated[int, NEUTRAL] = Field(
        50_000,
        ge=1000,
        le=1_000_000,
        description="The most series that this policy may come to: routes, tenants and steps multiply. A policy that "
        "could come to more is refused.",
    )

    presence: ClassVar[Label] = "neutral"

    @property
    def decisions(self) -> frozenset[Decision]:
        return frozenset()

    def compile(self, services: Services) -> Step:
        work = _Work(services[Meter])
        return Step(on_answer=work.on_answer, on_done=work.on_done)


class _Work:
    """The step's hooks. Exchanges that are alike count in the same series: these are looked up once and kept."""

    def __init__(self, meter: Meter) -> None:
        by_request, by_endpoint = ["method", "endpoint", "status"], ["method", "endpoint"]
        self._requests = meter.counter("http_requests_total", "Requests answered, by route template.", by_request)
        self._durations = meter.histogram(
            "http_request_duration_seconds", "From a request's head to its answer's end.", by_endpoint, SECONDS
        )
        meter.alias("api_requests_total", "http_requests_total")
        meter.alias("api_request_duration_seconds", "http_request_duration_seconds")
        self._queries = meter.counter("kapa_queries_total", "Questions, by how they ended.", ["tenant_id", "status"])
        self._latency = meter.histogram(
            "kapa_api_latency_seconds", "From a request sent to Kapa to its answer's head.", ["operation"], SECONDS
        )
        self._first_text = meter.histogram(
            "kapagate_first_text_seconds",
            "From a request's head to the first delivered text of a stream.",
            ["operation"],
            SECONDS,
        )
        self._held_back = meter.histogram(
            "kapagate_held_back_characters",
            "The most characters of a streamed answer that waited at once for a guard's decision.",
            ["operation"],
            CHARACTERS,
        )
        self._refusals = meter.counter("kapagate_refusals_total", "Refusals, by step and problem.", ["step", "problem"])
        self._shadow = meter.counter(
            "kapagate_shadow_total", "What steps in shadow would have done.", ["step", "outcome"]
        )
        self._edits = meter.counter(
            "kapagate_guard_edits_total", "Changes of questions and answers, by finding.", ["step", "kind"]
        )
        self._at_bound = meter.counter(
            "kapagate_window_candidates_at_bound_total",
            "Findings in answers that were as long as a guard looks or waits, and were decided so.",
            ["step"],
        )
        self._skipped = meter.counter(
            "kapagate_guard_skipped_total",
            "Steps that were passed by after a failure, or because they were switched off under way.",
            ["step", "reason"],
        )
        self._confidence = meter.histogram(
            "kapagate_answer_confidence",
            "How sure answers seemed, from 0 to 1, by the step that asks.",
            ["step"],
            SCORES,
        )
        self._seen: dict[tuple[Route, str, int, str, str, str], Seen] = {}
        self._streams: dict[str, tuple[Observe, Observe]] = {}

    def on_answer(self, ex: Exchange) -> None:
        """No rules. But Kapa alone knows whether it is uncertain, so its answers are read even where nobody guards."""

    def on_done(self, ex: Exchange) -> None:
        times, route, method = ex.times, ex.route, ex.request.method
        ending: str = outcome_of(ex)
        if ending == "answered":
            ending = "refused" if ex.report.withheld else "uncertain" if ex.report.uncertain else ending
        tenant = ex.facts.get(TENANT, NO_TENANT).name
        key = (route, method if method in METHODS else OTHER, ex.status, tenant, ex.operation, ending)
        seen = self._seen.get(key) or self._looked_up(ex, key)
        seen.requests.inc()
        seen.durations.observe(times.ended - times.received)
        if seen.queries is not None:
            seen.queries.inc()
        if times.answered and seen.latency is not None:
            seen.latency.observe(times.answered - times.sent)
        response = ex.response
        if response is not None and (codec := response.codec) is not None and not codec.whole:
            self._count_stream(ex)
        if ex.refusal is not None or ex.broken is not None:
            self._count_problem(ex)
        if not uneventful(ex):
            self._count_steps(ex)

    def _looked_up(self, ex: Exchange, key: tuple[Route, str, int, str, str, str]) -> Seen:
        route, method, _, tenant, operation, ending = key
        kapa, status = route.permission.startswith("kapa."), status_of(ex)
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        seen = self._seen[key] = Seen(
            self._requests.labels(method, route.template, status if status in STATUSES else OTHER),
            self._durations.labels(method, route.template),
            self._queries.labels(tenant, ending) if kapa and "uncertainty" in route.shows else None,
            self._latency.labels(operation or route.operation) if kapa else None,
        )
        return seen

    def _count_stream(self, ex: Exchange) -> None:
        if not ex.times.told:
            return
        operation = ex.operation or ex.route.operation
        series = self._streams.get(operation)
        if series is None:
            series = self._first_text.labels(operation), self._held_back.labels(operation)
            self._streams[operation] = series
        first_text, held_back = series
        first_text.observe(ex.times.told - ex.times.received)
        held_back.observe(ex.report.held_back)

    def _count_problem(self, ex: Exchange) -> None:
        problem = problem_of(ex)
        if problem is not None:
            self._refusals.labels(problem.step or "gateway", problem.kind.name).inc()

    def _count_steps(self, ex: Exchange) -> None:
        for step, verdict in ex.verdicts.items():
            if verdict.outcome == "passed":
                continue
            if verdict.mode == "shadow" and verdict.outcome != "skipped":
                self._shadow.labels(step, f"would_be_{verdict.outcome}").inc()
            elif verdict.outcome == "skipped" and verdict.reason == "failed":
                self._skipped.labels(step, FAILED).inc()
            elif verdict.outcome == "changed":
                _add(self._edits, step, verdict.counts)
        for step, share in ex.report.steps.items():
            _add(self._edits, step, share.edits)
            if share.would_edit:
                self._shadow.labels(step, "would_edit").inc(sum(share.would_edit.values()))
            if share.would_refuse:
                self._shadow.labels(step, "would_refuse").inc(sum(share.would_refuse.values()))
            if share.at_bound:
                self._at_bound.labels(step).inc(sum(share.at_bound.values()))
            if share.skipped is not None:
                self._skipped.labels(step, share.skipped if share.skipped == SWITCHED_OFF else FAILED).inc()
            if share.score is not None:
                self._confidence.labels(step).observe(share.score)


def _add(family: CountFamily, step: str, counts: Mapping[str, int]) -> None:
    for kind, number in counts.items():
        family.labels(step, kind).inc(number)
