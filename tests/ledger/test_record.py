from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kapagate.answer.events import Place, Text
from kapagate.answer.report import StepReport
from kapagate.chain import problems
from kapagate.chain.details import DETAILS
from kapagate.chain.edit import UNTOUCHED
from kapagate.chain.exchange import Exchange, Times
from kapagate.chain.principal import Principal
from kapagate.chain.problem import Problem
from kapagate.chain.response import Response
from kapagate.chain.verdict import PASSED, Outcome
from kapagate.ledger.record import encoded, gap, intent_of, milliseconds, moment, record_of, verdicts_of
from kapagate.ledger.selection import Selection
from kapagate.ledger.transcript import LONGEST_TEXT, Transcript
from tests.exchanges import ALICE, CHAT, CRM, exchange

ASKED = replace(CHAT, texts=(Place(("query",), "question"), Place(("user", "note"), "comment")))


def told(ex: Exchange, include: Collection[str] = (), transcript: Transcript | None = None) -> dict[str, Any]:
    record: dict[str, Any] = orjson.loads(record_of(ex, include, transcript))
    return record


def test_says_who_asked_for_what_and_how_it_ended() -> None:
    record = told(exchange(sent_bytes=512))
    assert record == {
        "decision": "0" * 32,
        "correlation_id": "corr-1",
        "received_at": "2023-11-14T22:13:20.125Z",
        "tenant": "acme",
        "subject": "alice",
        "roles": ["viewer"],
        "scheme": "jwt",
        "client": "192.0.2.1",
        "method": "POST",
        "endpoint": "/query/v1/projects/{project}/chat/",
        "route": "kapa.chat",
        "operation": "chat",
        "status": 200,
        "outcome": "answered",
        "policy": "sha256:0123",
        "duration_ms": 250.0,
        "upstream_ms": 200.0,
        "bytes": 512,
        "verdicts": {},
    }


def test_details_that_a_step_or_an_adapter_left_are_recorded() -> None:
    ex = exchange()
    ex.put(DETAILS, {"satisfaction": 4})
    assert told(ex)["details"] == {"satisfaction": 4}


def test_strangers_are_recorded_as_nobody_of_no_tenant() -> None:
    refusal = Problem(problems.CREDENTIALS_REQUIRED, "who are you?")
    refusal.step = "identify"
    record = told(exchange(principal=None, status=401, refusal=refusal, times=Times(1.0, ended=1.5)))
    assert (record["tenant"], record["subject"]) == ("none", "")
    assert "upstream_ms" not in record
    assert (record["outcome"], record["problem"], record["step"]) == ("refused", "credentials-required", "identify")


def test_a_tenant_that_a_credential_only_claims_is_not_recorded_as_the_tenant() -> None:
    ex = exchange(principal=None)
    assert told(ex)["tenant"] == "none"


def test_every_step_is_recorded_with_its_verdict() -> None:
    ex = exchange()
    ex.verdict("rbac")
    ex.verdict("ask").outcome = "changed"
    ex.verdict("ask").count("email", 2)
    ex.verdict("limit").mode = "shadow"
    ex.verdict("limit").outcome = "refused"
    ex.verdict("limit").reason = "rate-limited"
    assert told(ex)["verdicts"] == {
        "rbac": {"outcome": "passed"},
        "ask": {"outcome": "changed", "counts": {"email": 2}},
        "limit": {"outcome": "refused", "mode": "shadow", "reason": "rate-limited"},
    }


def test_a_guard_is_enforced_only_where_the_report_says_so() -> None:
    ex = exchange()
    ex.report.released = 100
    ex.report.steps = {
        "whole": StepReport(checked=100),
        "part": StepReport(checked=60),
        "watching": StepReport(checked=100, binding=False),
        "left": StepReport(checked=100, skipped="text rule failed"),
        "noting": StepReport(),
    }
    ex.report.steps["whole"].edits["email"] = 1
    ex.report.steps["watching"].would_refuse["iban"] = 2
    assert told(ex)["verdicts"] == {
        "whole": {"outcome": "passed", "answer": "enforced", "edits": {"email": 1}},
        "part": {"outcome": "passed", "answer": "incomplete"},
        "watching": {"outcome": "passed", "answer": "shadow", "would_refuse": {"iban": 2}},
        "left": {"outcome": "passed", "answer": "skipped(text rule failed)"},
    }


def test_the_window_tells_what_came_what_waited_and_what_each_guard_checked() -> None:
    ex = exchange()
    assert "window" not in told(ex)
    ex.report.seen = ex.report.released = 100
    ex.report.held_back = 12
    ex.report.steps = {"one": StepReport(checked=100), "two": StepReport(checked=100)}
    assert told(ex)["window"] == {"seen": 100, "held_back": 12}
    ex.report.steps["two"].checked, ex.report.steps["three"] = 60, StepReport()
    assert told(ex)["window"] == {"seen": 100, "held_back": 12, "checked": {"one": 100, "two": 60}}


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (StepReport(checked=100), "enforced"),
        (StepReport(checked=99), "incomplete"),
        (StepReport(checked=100, end_is_due=True), "incomplete"),
        (StepReport(checked=100, binding=False), "shadow"),
        (StepReport(checked=100, skipped="it failed"), "skipped(it failed)"),
    ],
)
@pytest.mark.parametrize("outcome", ["passed", "changed"])
def test_a_short_cut_says_of_a_guard_what_the_long_way_says(share: StepReport, said: str, outcome: Outcome) -> None:
    ex = exchange()
    ex.verdicts["rbac"] = PASSED
    ex.verdict("guard").outcome = outcome
    ex.report.released, ex.report.steps = 100, {"guard": share}
    expected = {"rbac": {"outcome": "passed"}, "guard": {"outcome": outcome, "answer": said}}
    assert told(ex)["verdicts"] == verdicts_of(ex) == expected


def test_exchanges_that_are_alike_but_not_the_same_have_records_of_their_own() -> None:
    alike = [
        exchange(),
        exchange(principal=replace(ALICE, subject="bob")),
        exchange(principal=replace(ALICE, roles=())),
        exchange(principal=replace(ALICE, scheme="api_key")),
        exchange(principal=replace(ALICE, tenant="globex")),
        exchange(CRM),
        exchange(operation="chat_stream"),
        exchange(method="GET"),
    ]
    records = [told(ex) for ex in (*alike, *alike)]
    assert records[:8] == records[8:]
    who = ("subject", "roles", "scheme", "tenant", "endpoint", "operation", "method")
    assert len({str([record[name] for name in who]) for record in records}) == 8


def test_request_and_answer_verdicts_of_one_step_are_one() -> None:
    ex = exchange()
    ex.verdict("guard")
    ex.report.steps["guard"] = StepReport(checked=0)
    assert told(ex)["verdicts"] == {"guard": {"outcome": "passed", "answer": "enforced"}}


def test_texts_are_left_out_unless_they_are_asked_for() -> None:
    ex = exchange(ASKED, edit=UNTOUCHED.with_document({"query": "private"}))
    transcript = Transcript(keeps=True)
    ex.report.listen = transcript.add
    ex.report.tell(Text("secretive"))
    record = told(ex, (), transcript)
    assert "private" not in str(record)
    assert record["answer"] == {"characters": 9, "sha256": transcript.digest()}


def test_the_question_is_recorded_as_it_went_upstream() -> None:
    ex = exchange(ASKED, edit=UNTOUCHED.with_document({"query": "mail [email]", "user": {"note": "no question"}}))
    assert told(ex, {"question"})["question"] == "mail [email]"


def test_a_question_that_was_refused_is_not_recorded() -> None:
    ex = exchange(
        ASKED, edit=UNTOUCHED.with_document({"query": "a@b.example"}), times=Times(1.0, ended=2.0), status=422
    )
    assert "question" not in told(ex, {"question"})


def test_a_body_that_nobody_read_has_no_question() -> None:
    assert "question" not in told(exchange(ASKED), {"question"})


def test_long_questions_are_cut() -> None:
    ex = exchange(ASKED, edit=UNTOUCHED.with_document({"query": "x" * 100_000}))
    assert len(told(ex, {"question"})["question"]) == LONGEST_TEXT


def test_the_answer_is_recorded_as_it_was_delivered() -> None:
    ex, transcript = exchange(), Transcript(keeps=True)
    ex.report.listen = transcript.add
    ex.report.cut = "answer"
    for piece in ("Hello ", "world"):
        ex.report.tell(Text(piece))
    assert told(ex, {"answer"}, transcript)["answer"] == {
        "characters": 11,
        "cut": "answer",
        "sha256": transcript.digest(),
        "text": "Hello world",
    }


def test_a_gap_says_how_many_records_it_stands_for() -> None:
    assert orjson.loads(gap("full", 0.0, missed=7)) == {
        "outcome": "gap",
        "received_at": "1970-01-01T00:00:00.000Z",
        "tenant": "none",
        "decision": "",
        "reason": "full",
        "missed": 7,
    }


def test_moments_are_utc_with_milliseconds() -> None:
    assert moment(1_767_225_599.9999) == "2025-12-31T23:59:59.999Z"
    assert moment(1_700_000_000.0) == "2023-11-14T22:13:20.000Z"


@given(st.floats(1, 1e6), st.floats(0, 1e4))
def test_durations_are_milliseconds_to_the_microsecond(start: float, seconds: float) -> None:
    told = milliseconds(start, start + seconds)
    assert told is not None
    assert told == round(told, 3) == pytest.approx(seconds * 1000, abs=0.001)


def test_a_duration_that_never_was_is_none() -> None:
    assert milliseconds(0.0, 5.0) is milliseconds(5.0, 0.0) is None


def test_what_json_cannot_say_is_replaced() -> None:
    record = {"subject": "a\udcffb", "count": 2**70, "odd": {1}, "roles": ("x",), 5: None}
    assert orjson.loads(encoded(record)) == {
        "subject": "a?b",
        "count": str(2**70),
        "odd": "{1}",
        "roles": ["x"],
        "5": None,
    }


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(st.characters()), lambda inner: st.lists(inner))
)
def test_no_record_is_lost_for_what_is_in_it(value: Any) -> None:
    assert "value" in orjson.loads(encoded({"value": value}))


def test_names_that_come_from_outside_are_bounded() -> None:
    ex = exchange(method="X" * 5000, principal=Principal(subject="s" * 5000, tenant="acme"))
    assert len(record_of(ex)) < 3000


def test_the_key_that_was_used_is_named_where_there_is_one() -> None:
    assert "key" not in told(exchange())
    assert told(exchange(principal=replace(ALICE, key="k1")))["key"] == "k1"


def test_an_intent_says_what_is_known_before_the_first_step() -> None:
    ex = exchange(status=0, times=Times(received=10.0))
    intent = orjson.loads(intent_of(ex))
    assert {name: value for name, value in told(ex).items() if name in intent} == intent
    assert intent["subject"] == "alice"
    assert not {"status", "outcome", "verdicts", "duration_ms"} & intent.keys()


def test_a_sealed_record_counts_what_is_about_to_leave() -> None:
    ex = exchange(status=0, sent_bytes=100, times=Times(received=10.0, sent=10.02, answered=10.22))
    ex.response, ex.sealing = Response(200), 28
    sealed = orjson.loads(record_of(ex, ended=10.25))
    assert (sealed["status"], sealed["outcome"], sealed["bytes"]) == (200, "answered", 128)
    assert (sealed["duration_ms"], sealed["upstream_ms"]) == (250.0, 200.0)


def test_a_record_that_replaces_a_sealed_one_says_so() -> None:
    assert orjson.loads(record_of(exchange(gone=True), amends=True))["amends"] is True
    assert "amends" not in told(exchange())


@pytest.mark.parametrize("include", [(), ("question", "answer")])
def test_no_member_is_null(include: Collection[str]) -> None:
    for ex in (exchange(ASKED), exchange(principal=None, status=0, times=Times(1.0, ended=2.0)), exchange(CRM)):
        assert None not in told(ex, include, Transcript(keeps=True)).values()


def test_members_of_a_record_stand_in_its_text_as_a_search_looks_for_them() -> None:
    ex = exchange(principal=replace(ALICE, subject='a"\u00e4\\'))
    wanted = Selection(
        tenant="acme", subject='a"\u00e4\\', outcome="answered", operation="chat", correlation_id="corr-1"
    )
    assert all(needle in record_of(ex).encode() for needle in wanted.needles())
    assert wanted.matches(told(ex))
