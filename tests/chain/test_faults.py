from __future__ import annotations

import logging

import pytest

from kapagate.answer.codec import Garbled
from kapagate.answer.refusal import Refused, RuleFailed
from kapagate.chain import problems
from kapagate.chain.faults import problem_of
from kapagate.chain.problem import BackendFailed, Problem
from kapagate.chain.response import Truncated


@pytest.mark.parametrize(
    ("cause", "kind", "step", "outcome"),
    [
        (Refused("guard", "email"), problems.ANSWER_REFUSED, "guard", "refused"),
        (RuleFailed("guard", ValueError("hush")), problems.INTERNAL, "guard", "failed"),
        (RuleFailed("guard", BackendFailed("hush")), problems.UNAVAILABLE, "guard", "failed"),
        (BackendFailed("hush"), problems.UNAVAILABLE, "at-work", "failed"),
        (Garbled("hush"), problems.UPSTREAM_MALFORMED, "at-work", "failed"),
        (Truncated("hush"), problems.UPSTREAM_TRUNCATED, "at-work", "failed"),
        (KeyError("hush"), problems.INTERNAL, "at-work", "failed"),
        (TimeoutError(), problems.INTERNAL, "at-work", "failed"),
        (Problem(problems.FORBIDDEN, "no"), problems.FORBIDDEN, "at-work", "refused"),
    ],
)
def test_each_cause_has_its_problem_its_step_and_its_verdict(lab, cause, kind, step: str, outcome: str) -> None:
    ex = lab.exchange()
    ex.step = "at-work"
    problem = problem_of(cause, ex)
    assert (problem.kind, problem.step) == (kind, step)
    assert (ex.verdicts[step].outcome, ex.verdicts[step].reason) == (outcome, kind.name)
    assert "hush" not in str(problem.document("d", "c"))


def test_a_step_that_the_pump_named_is_kept(lab) -> None:
    ex, problem = lab.exchange(), Problem(problems.ANSWER_REFUSED, "no")
    ex.step, problem.step = "other", "guard"
    assert problem_of(problem, ex).step == "guard"
    assert ex.verdicts.keys() == {"guard"}


def test_what_no_step_caused_is_no_steps_verdict(lab) -> None:
    ex = lab.exchange()
    assert problem_of(Problem(problems.UPSTREAM_TIMEOUT, "late"), ex).step == ""
    assert ex.verdicts == {}


def test_a_refused_answer_says_which_rule_it_broke(lab) -> None:
    problem = problem_of(Refused("guard", "email"), lab.exchange())
    assert problem.members == {"rule": "email"}
    assert "email" in problem.detail


def test_a_failed_back_end_may_be_asked_again_soon(lab) -> None:
    assert problem_of(BackendFailed("down"), lab.exchange()).retry_after == 1


@pytest.mark.parametrize(
    ("cause", "logged"),
    [
        (KeyError("x"), KeyError),
        (RuleFailed("guard", ZeroDivisionError()), ZeroDivisionError),
        (Problem(problems.INTERNAL, "x"), None),
    ],
)
def test_the_log_has_the_cause_and_the_exchange(lab, caplog, cause: Exception, logged) -> None:
    ex = lab.exchange()
    problem_of(cause, ex)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exchange is ex
    assert (record.exc_info[0] if record.exc_info else None) is logged


def test_a_refusal_is_no_news_for_the_log(lab, caplog) -> None:
    problem_of(Problem(problems.RATE_LIMITED, "slow"), lab.exchange())
    assert caplog.records == []


def test_an_outage_is_one_line_in_the_log_and_a_bug_has_its_traceback(lab, caplog) -> None:
    outage = Problem(problems.UPSTREAM_UNREACHABLE, "the upstream cannot be reached")
    outage.__cause__ = ConnectionRefusedError(111, "refused")
    problem_of(outage, lab.exchange())
    problem_of(RuntimeError("a bug"), lab.exchange())
    line, bug = caplog.records
    assert (line.exc_info, "ConnectionRefusedError" in line.getMessage()) == (None, True)
    assert bug.exc_info is not None
