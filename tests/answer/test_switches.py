from __future__ import annotations

import pytest

from kapagate.answer.refusal import RuleFailed
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules
from kapagate.answer.switches import SWITCHED_OFF, SwitchedOff, leaving
from tests.answer.toys import Digits

RULES = [
    AnswerRules("one", texts=(Digits(),)),
    AnswerRules("two", texts=(Digits(),)),
    AnswerRules("shadow", texts=(Digits(),), binding=False),
]


def report() -> Report:
    made = Report()
    made.enrol(RULES)
    return made


def test_what_was_switched_off_and_binds_here_leaves_and_is_noted() -> None:
    told = report()
    assert leaving({"one": True, "shadow": True, "elsewhere": False}, RULES, told) == {"one"}
    assert {step: share.skipped for step, share in told.steps.items()} == {
        "one": SWITCHED_OFF,
        "two": None,
        "shadow": None,
    }
    assert not told.enforced("one")


def test_why_a_step_was_skipped_before_stays() -> None:
    told = report()
    told.steps["one"].skipped = "text rule failed: TooSlow"
    leaving({"one": True}, RULES, told)
    assert told.steps["one"].skipped == "text rule failed: TooSlow"


def test_a_step_that_may_not_leave_fails() -> None:
    with pytest.raises(RuleFailed) as failed:
        leaving({"one": True, "two": False}, RULES, report())
    assert (failed.value.step, type(failed.value.cause)) == ("two", SwitchedOff)
