from __future__ import annotations

from collections import defaultdict

import pytest

from kapagate.answer.report import Report, StepReport
from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.problem import Gone, Problem
from kapagate.chain.response import Truncated
from kapagate.chain.verdict import PASSED, Verdict
from kapagate.ledger.outcome import outcome_of, problem_of, status_of, uneventful
from tests.exchanges import exchange

REFUSED = Problem(problems.FORBIDDEN, "no")
CUT_SHORT = Problem(problems.ANSWER_REFUSED, "no")
BROKEN = Problem(problems.UPSTREAM_TIMEOUT, "late")


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        (exchange(), "answered"),
        (exchange(status=304), "answered"),
        (exchange(status=403, refusal=REFUSED), "refused"),
        (exchange(status=200, refusal=CUT_SHORT), "refused"),
        (exchange(status=200, broken=CUT_SHORT), "refused"),
        (exchange(status=504, refusal=BROKEN), "failed"),
        (exchange(status=200, broken=Truncated()), "failed"),
        (exchange(status=429), "failed"),
        (exchange(status=500), "failed"),
        (exchange(status=0, broken=RuntimeError()), "failed"),
        (exchange(status=0, broken=Gone(), gone=True), "gone"),
        (exchange(status=200, broken=Gone(), gone=True), "gone"),
        (exchange(status=0, gone=True), "gone"),
        (exchange(status=200, gone=True), "answered"),
        (exchange(status=403, refusal=REFUSED, broken=Gone(), gone=True), "refused"),
    ],
)
def test_an_exchange_ends_in_one_word(ended: Exchange, outcome: str) -> None:
    assert outcome_of(ended) == outcome


def test_the_problem_is_found_before_and_after_the_head_left() -> None:
    assert problem_of(exchange(refusal=REFUSED)) is REFUSED
    assert problem_of(exchange(broken=CUT_SHORT)) is CUT_SHORT
    assert problem_of(exchange(broken=RuntimeError(), report=Report())) is None


def test_an_answer_that_broke_off_is_named_although_no_problem_could_be_told() -> None:
    problem = problem_of(exchange(status=200, broken=Truncated()))
    assert problem is not None
    assert problem.kind is problems.UPSTREAM_TRUNCATED


def test_a_client_that_left_untold_is_counted_as_499() -> None:
    assert status_of(exchange(status=0, gone=True)) == "499"
    assert status_of(exchange(status=201)) == "201"


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (StepReport(checked=9), True),
        (StepReport(checked=8), False),
        (StepReport(), False),
        (StepReport(checked=9, binding=False), False),
        (StepReport(checked=9, end_is_due=True), False),
        (StepReport(checked=9, skipped="it failed"), False),
        (StepReport(checked=9, edits=defaultdict(int, email=1)), False),
    ],
)
def test_an_exchange_is_uneventful_when_every_guard_held_and_found_nothing(share: StepReport, expected: bool) -> None:
    ex = exchange()
    ex.verdicts["guard"] = PASSED
    ex.report.released, ex.report.steps = 9, {"guard": share}
    assert uneventful(ex) is expected


@pytest.mark.parametrize(
    "verdict", [Verdict("changed"), Verdict(mode="shadow"), Verdict(reason="why"), Verdict(counts={"email": 1})]
)
def test_an_exchange_with_a_verdict_that_says_something_is_eventful(verdict: Verdict) -> None:
    ex = exchange()
    ex.verdicts |= {"rbac": PASSED, "ask": verdict}
    assert not uneventful(ex)
    ex.verdicts["ask"] = Verdict()
    assert uneventful(ex)
