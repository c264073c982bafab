from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

import pytest
from pydantic import ValidationError

from kapagate.answer.events import Uncertain
from kapagate.answer.report import StepReport
from kapagate.chain import problems
from kapagate.chain.exchange import Exchange, Times
from kapagate.chain.headers import Headers
from kapagate.chain.meter import Meter
from kapagate.chain.problem import Problem
from kapagate.chain.response import Response
from kapagate.chain.services import Services
from kapagate.filters.metrics import Metrics
from kapagate.kapa import widget
from kapagate.kapa.operations import OPERATIONS
from kapagate.telemetry.prometheus import PrometheusMeter
from tests.chain.conftest import ListSink, SentBody
from tests.exchanges import CRM, exchange
from tests.filters import gateway as composed


class Bench:
    """A metrics step with its meter."""

    def __init__(self) -> None:
        self.meter = PrometheusMeter()
        self.step = Metrics().compile(Services({Meter: self.meter}))

    def done(self, *exchanges: Exchange) -> None:
        assert self.step.on_done is not None
        for ex in exchanges:
            self.step.on_done(ex)

    def series(self, name: str) -> dict[str, float]:
        found = [line.rpartition(" ") for line in self.meter.render().decode().splitlines()]
        return {key.removeprefix(name): float(value) for key, _, value in found if key.startswith(name + "{")}


def refusal(step: str) -> Problem:
    problem = Problem(problems.FORBIDDEN, "no")
    problem.step = step
    return problem


def test_requests_are_counted_by_method_template_and_status() -> None:
    bench = Bench()
    bench.done(exchange(), exchange(), exchange(CRM, method="GET", status=404))
    assert bench.series("http_requests_total") == {
        '{endpoint="/query/v1/projects/{project}/chat/",method="POST",status="200"}': 2.0,
        '{endpoint="/crm/{rest:*}",method="GET",status="404"}': 1.0,
    }


def test_durations_are_observed_by_method_and_template() -> None:
    bench = Bench()
    bench.done(exchange())
    labels = '{endpoint="/query/v1/projects/{project}/chat/",method="POST"}'
    assert bench.series("http_request_duration_seconds_sum") == {labels: 0.25}
    assert bench.series("http_request_duration_seconds_count") == {labels: 1.0}


def test_the_other_names_show_the_same_series() -> None:
    bench = Bench()
    bench.done(exchange(), exchange())
    assert bench.series("api_requests_total") == bench.series("http_requests_total")
    durations = [bench.series(f"{name}_request_duration_seconds_count") for name in ("api", "http")]
    assert durations[0] == durations[1] == {'{endpoint="/query/v1/projects/{project}/chat/",method="POST"}': 2.0}


def test_statuses_that_nobody_registered_are_one() -> None:
    bench = Bench()
    bench.done(*(exchange(status=status) for status in (200, 299, 418, 599, 777, 0)))
    assert [key.rpartition("status=")[2] for key in bench.series("http_requests_total")] == [
        '"200"}',
        '"other"}',
        '"418"}',
        '"499"}',
    ]


@dataclass
class Codec:
    """As much of one as is looked at."""

    whole: bool


def streamed(whole: bool = False, delivered: int = 12, **more: Any) -> Exchange:
    ex = exchange(operation="chat_stream", **more)
    ex.response = Response(200, codec=cast(Any, Codec(whole)))
    ex.report.delivered, ex.report.held_back = delivered, 40
    ex.times.told = ex.times.opened if delivered else 0.0
    return ex


def test_the_first_text_of_a_stream_is_timed_from_the_requests_head() -> None:
    bench = Bench()
    bench.done(streamed(), streamed())
    assert bench.series("kapagate_first_text_seconds_count") == {'{operation="chat_stream"}': 2.0}
    assert bench.series("kapagate_first_text_seconds_sum") == {'{operation="chat_stream"}': pytest.approx(0.46)}


def test_what_waited_at_once_for_a_guard_is_told_in_characters() -> None:
    bench = Bench()
    bench.done(streamed())
    buckets = bench.series("kapagate_held_back_characters_bucket")
    assert [buckets[f'{{le="{le}",operation="chat_stream"}}'] for le in ("16.0", "64.0")] == [0.0, 1.0]


@pytest.mark.parametrize(
    "ex",
    [exchange(), streamed(whole=True), streamed(delivered=0), streamed(times=Times(1.0, ended=2.0))],
    ids=["no answer", "whole", "no text", "never opened"],
)
def test_only_streams_with_text_have_a_first_text(ex: Exchange) -> None:
    bench = Bench()
    bench.done(ex)
    assert bench.series("kapagate_first_text_seconds_count") == {}
    assert bench.series("kapagate_held_back_characters_count") == {}


def test_hostile_methods_paths_and_tenants_add_no_series() -> None:
    bench = Bench()
    for number in range(50):
        ex = exchange(method=f"M{number}", principal=None, status=401, refusal=refusal("identify"))
        ex.request.path = f"/{number}"
        bench.done(ex)
    assert list(bench.series("http_requests_total").values()) == [50.0]
    assert bench.series("kapa_queries_total") == {'{status="refused",tenant_id="none"}': 50.0}


@pytest.mark.parametrize(
    ("ended", "status"),
    [
        (exchange(), "answered"),
        (exchange(status=403, refusal=refusal("rbac")), "refused"),
        (exchange(status=500), "failed"),
        (exchange(status=0, gone=True), "gone"),
    ],
)
def test_questions_are_counted_by_how_they_ended(ended: Exchange, status: str) -> None:
    bench = Bench()
    bench.done(ended)
    assert bench.series("kapa_queries_total") == {f'{{status="{status}",tenant_id="acme"}}': 1.0}


@pytest.mark.parametrize(("uncertain", "status"), [(True, "uncertain"), (False, "answered")])
def test_kapas_own_word_for_uncertainty_is_counted(uncertain: bool, status: str) -> None:
    bench, ex = Bench(), exchange()
    ex.report.tell(Uncertain(uncertain))
    bench.done(ex)
    assert bench.series("kapa_queries_total") == {f'{{status="{status}",tenant_id="acme"}}': 1.0}


def test_answers_are_read_and_left_as_they_are() -> None:
    bench = Bench()
    assert bench.step.on_answer is not None
    assert bench.step.on_answer(exchange()) is None


def test_what_is_remembered_of_exchanges_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kapagate.filters.metrics.MOST_SEEN", 2)
    bench = Bench()
    bench.done(*(exchange(status=200 + number) for number in range(5)), exchange())
    assert bench.series("http_request_duration_seconds_count") == {
        '{endpoint="/query/v1/projects/{project}/chat/",method="POST"}': 6.0
    }


def test_an_uncertain_answer_that_was_refused_is_a_refusal() -> None:
    bench, ex = Bench(), exchange(status=422, refusal=refusal("answer"))
    ex.report.tell(Uncertain(True))
    bench.done(ex)
    assert bench.series("kapa_queries_total") == {'{status="refused",tenant_id="acme"}': 1.0}


def test_a_question_is_counted_whichever_way_it_was_put() -> None:
    counted = set()
    for operation in (*OPERATIONS.values(), *widget.operations(("handoff", "files"))):
        bench = Bench()
        bench.done(exchange(operation.route(held=False)))
        if bench.series("kapa_queries_total"):
            counted.add(operation.name)
    chats = {"chat", "thread_chat", "custom_chat", "legacy_query", "widget_chat", "widget_thread_chat"}
    streams = {f"{name}_stream" for name in chats}
    assert counted == (chats | streams | {"query"}) - {"widget_chat", "widget_thread_chat"}


def test_answers_that_are_no_chat_are_nobodys_business() -> None:
    bench, ex = Bench(), exchange(CRM)
    bench.done(ex)
    assert bench.series("kapa_queries_total") == {}
    assert bench.series("kapa_api_latency_seconds_count") == {}


def test_kapas_latency_is_from_request_sent_to_head() -> None:
    bench = Bench()
    bench.done(exchange(), exchange(operation="chat_stream"), exchange(times=Times(1.0, ended=2.0)))
    assert bench.series("kapa_api_latency_seconds_count") == {
        '{operation="chat"}': 1.0,
        '{operation="chat_stream"}': 1.0,
    }
    assert bench.series("kapa_api_latency_seconds_sum")['{operation="chat"}'] == pytest.approx(0.2)


def test_refusals_are_counted_by_step_and_problem() -> None:
    bench = Bench()
    bench.done(exchange(status=403, refusal=refusal("rbac")), exchange(status=404, refusal=refusal("")))
    assert bench.series("kapagate_refusals_total") == {
        '{problem="forbidden",step="rbac"}': 1.0,
        '{problem="forbidden",step="gateway"}': 1.0,
    }


def test_what_shadows_would_have_done_is_counted() -> None:
    bench, ex = Bench(), exchange()
    ex.verdict("limit").mode = "shadow"
    ex.verdict("limit").outcome = "refused"
    ex.verdict("quiet").mode = "shadow"
    share = ex.report.steps["answer"] = StepReport(binding=False)
    share.would_edit["email"] = 2
    share.would_refuse["iban"] = 1
    bench.done(ex)
    assert bench.series("kapagate_shadow_total") == {
        '{outcome="would_be_refused",step="limit"}': 1.0,
        '{outcome="would_edit",step="answer"}': 2.0,
        '{outcome="would_refuse",step="answer"}': 1.0,
    }


def test_changes_by_guards_are_counted_by_finding() -> None:
    bench, ex = Bench(), exchange()
    ex.verdict("ask").outcome = "changed"
    ex.verdict("ask").count("email", 3)
    ex.report.steps["answer"] = StepReport()
    ex.report.steps["answer"].edits["iban"] = 2
    bench.done(ex)
    assert bench.series("kapagate_guard_edits_total") == {
        '{kind="email",step="ask"}': 3.0,
        '{kind="iban",step="answer"}': 2.0,
    }


def test_guards_that_were_passed_by_are_counted() -> None:
    bench, ex = Bench(), exchange()
    ex.verdict("ask").outcome = "skipped"
    ex.verdict("ask").reason = "failed"
    ex.verdict("other").outcome = "skipped"
    ex.verdict("other").reason = "when"
    ex.report.steps["answer"] = StepReport(skipped="text rule failed")
    ex.report.steps["off"] = StepReport(skipped="switched_off")
    bench.done(ex)
    assert bench.series("kapagate_guard_skipped_total") == {
        '{reason="failed",step="ask"}': 1.0,
        '{reason="failed",step="answer"}': 1.0,
        '{reason="switched_off",step="off"}': 1.0,
    }


def test_candidates_that_reached_their_bound_are_counted_by_guard() -> None:
    bench, ex = Bench(), exchange()
    ex.report.steps["answer"] = StepReport(edits={"link": 5, "secret": 1})
    ex.report.steps["other"] = StepReport(edits={"link": 1})
    ex.report.steps["answer"].reached("link", 2)
    ex.report.steps["answer"].reached("secret")
    bench.done(ex)
    assert bench.series("kapagate_window_candidates_at_bound_total") == {'{step="answer"}': 3.0}


def test_a_reload_goes_on_counting() -> None:
    bench = Bench()
    bench.done(exchange())
    bench.step = Metrics().compile(Services({Meter: bench.meter}))
    bench.done(exchange())
    assert list(bench.series("http_requests_total").values()) == [2.0]


@pytest.mark.parametrize("options", [{"x": 1}, {"max_series": 10}])
def test_options_are_strict(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Metrics(**options)


def test_nobody_can_watch_metrics_in_shadow() -> None:
    assert Metrics.modes == {"enforce", "off"}


async def test_nothing_that_a_stranger_makes_up_becomes_a_label() -> None:
    gateway = composed.Gateway()
    for number in range(60):
        made_up = {"X-Api-Key": f"kg_live_{number}", "X-Tenant": f"t{number}", "Authorization": f"Bearer {number}"}
        await gateway.ask(who=None, method=f"M{number}", headers=made_up)
        for target in (f"/{number}", f"/crm/{number}?{number}", f"/query/v1/projects/{number}/chat/"):
            raw = [(name.encode(), value.encode()) for name, value in made_up.items()]
            ex = gateway.entry.admit("POST", target.encode(), Headers(raw), SentBody(b"{}"), f"192.0.2.{number}")
            await gateway.entry.run(ex, ListSink())
    for name in ("http_requests_total", "kapa_queries_total", "kapagate_refusals_total"):
        series = gateway.series(name)
        assert 0 < len(series) <= 6, series
        assert not any(re.search(r"M\d|t\d|\"/\d", labels) for labels in series), series


async def test_a_stream_tells_how_long_its_reader_waited_and_what_was_held_back() -> None:
    gateway = composed.Gateway()
    pieces = ["Write to ann", "@ex", "ample.com", " for more.", " Bye."]
    await gateway.ask("chat_stream", answer=composed.streamed(composed.records(*pieces)))
    assert gateway.series("kapagate_first_text_seconds_count") == {'{operation="chat_stream"}': 1.0}
    assert gateway.series("kapagate_held_back_characters_count") == {'{operation="chat_stream"}': 1.0}
    await gateway.ask("chat")
    assert gateway.series("kapagate_first_text_seconds_count") == {'{operation="chat_stream"}': 1.0}
