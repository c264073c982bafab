"""metrics: what Prometheus is told of every exchange. Every label value is a name from the policy, or `other`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from kapagate.answer.rules import AnswerRules
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter
from kapagate.chain.meter import Count, CountFamily, Meter, Observe
from kapagate.chain.principal import NO_TENANT, TENANT
from kapagate.chain.route import Route
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.ledger.outcome import outcome_of, problem_of, status_of

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CHAT = "kapa.chat"
SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 90.0)

_READ = AnswerRules()

Method = str
Status = int


class Metrics(Filter):
    """Counts and times every exchange: by endpoint, by tenant, by step, and Kapa's own latency."""

    modes: ClassVar[frozenset[str]] = frozenset({"enforce", "off"})

    def compile(self, services: Services) -> Step:
        work = _Work(services[Meter])
        return Step(on_answer=work.on_answer, on_done=work.on_done)


class _Work:
    """The step's hooks. Series are looked up once per route, method and status, and kept."""

    def __init__(self, meter: Meter) -> None:
        self._requests = meter.counter(
            "http_requests_total", "Requests answered, by route template.", ["method", "endpoint", "status"]
        )
        self._durations = meter.histogram(
            "http_request_duration_seconds",
            "From a request's head to its answer's end.",
            ["method", "endpoint"],
            SECONDS,
        )
        self._queries = meter.counter("kapa_queries_total", "Questions, by how they ended.", ["tenant_id", "status"])
        self._latency = meter.histogram(
            "kapa_api_latency_seconds", "From a request sent to Kapa to its answer's head.", ["operation"], SECONDS
        )
        self._refusals = meter.counter("kapagate_refusals_total", "Refusals, by step and problem.", ["step", "problem"])
        self._shadow = meter.counter(
            "kapagate_shadow_total", "What steps in shadow would have done.", ["step", "outcome"]
        )
        self._edits = meter.counter(
            "kapagate_guard_edits_total", "Changes of questions and answers, by finding.", ["step", "kind"]
        )
        self._skipped = meter.counter(
            "kapagate_guard_skipped_total", "Steps that were passed by after a failure.", ["step"]
        )
        self._series: dict[tuple[Route, Method, Status], tuple[Count, Observe]] = {}

    def on_answer(self, ex: Exchange) -> AnswerRules | None:
        """Kapa alone knows whether it is uncertain: its answers to chat are read, even when nothing else reads them."""
        return _READ if ex.route.permission == CHAT else None

    def on_done(self, ex: Exchange) -> None:
        times = ex.times
        count, duration = self._of(ex)
        count.inc()
        duration.observe(times.ended - times.received)
        if ex.route.permission == CHAT:
            self._queries.labels((ex.get(TENANT) or NO_TENANT).name, self._ending(ex)).inc()
        if times.answered and ex.route.permission.startswith("kapa."):
            self._latency.labels(ex.operation or ex.route.operation).observe(times.answered - times.sent)
        problem = problem_of(ex)
        if problem is not None:
            self._refusals.labels(problem.step or "gateway", problem.kind.name).inc()
        self._count_steps(ex)

    def _of(self, ex: Exchange) -> tuple[Count, Observe]:
        method = ex.request.method if ex.request.method in METHODS else "other"
        key = (ex.route, method, ex.status)
        series = self._series.get(key)
        if series is None:
            endpoint = ex.route.template
            series = self._series[key] = (
                self._requests.labels(method, endpoint, status_of(ex)),
                self._durations.labels(method, endpoint),
            )
        return series

    def _ending(self, ex: Exchange) -> str:
        outcome = outcome_of(ex)
        return "uncertain" if outcome == "answered" and ex.report.uncertain else outcome

    def _count_steps(self, ex: Exchange) -> None:
        for step, verdict in ex.verdicts.items():
            if verdict.outcome == "passed":
                continue
            if verdict.mode == "shadow" and verdict.outcome != "skipped":
                self._shadow.labels(step, f"would_be_{verdict.outcome}").inc()
            elif verdict.outcome == "skipped" and verdict.reason == "failed":
                self._skipped.labels(step).inc()
            elif verdict.outcome == "changed":
                _add(self._edits, step, verdict.counts)
        for step, share in ex.report.steps.items():
            _add(self._edits, step, share.edits)
            if share.would_edit:
                self._shadow.labels(step, "would_edit").inc(sum(share.would_edit.values()))
            if share.would_refuse:
                self._shadow.labels(step, "would_refuse").inc(sum(share.would_refuse.values()))
            if share.skipped is not None:
                self._skipped.labels(step).inc()


def _add(family: CountFamily, step: str, counts: Mapping[str, int]) -> None:
    for kind, number in counts.items():
        family.labels(step, kind).inc(number)
