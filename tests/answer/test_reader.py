from __future__ import annotations

from collections.abc import Sequence

import pytest

from kapagate.answer.edits import Edits
from kapagate.answer.reader import Reader, readers_of
from kapagate.answer.refusal import RuleFailed
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules, Edit
from tests.answer.toys import Broken, Digits


def reader(rules: AnswerRules) -> tuple[Reader, Report]:
    report = Report()
    report.enrol([rules])
    (found,) = readers_of([AnswerRules("none"), rules], report) if rules.texts else ()
    return found, report


def test_hands_edits_on_at_their_place_in_the_whole_text() -> None:
    edits = Edits()
    found, _ = reader(AnswerRules("d", texts=(Digits(),)))
    assert found.read("a 12345 b 12", 1, False, 100, edits) == 10
    assert [(span.start, span.end, span.step, span.order) for span in edits.take(200)] == [(102, 107, "d", 1)]


def test_counts_what_a_shadow_rule_would_have_done() -> None:
    edits = Edits()
    found, report = reader(AnswerRules("d", texts=(Digits(),), binding=False))
    found.read("12345 ", 0, True, 0, edits)
    assert not edits
    assert report.steps["d"].would_edit == {"digits": 1}


@pytest.mark.parametrize("options", [{"lenient": True}, {"binding": False}])
def test_a_rule_that_may_fail_leaves_and_says_why(options: dict[str, bool]) -> None:
    found, report = reader(AnswerRules("b", texts=(Broken(),), **options))
    assert found.read("a!b", 0, False, 0, Edits()) == 3
    assert found.gone
    assert report.steps["b"].skipped == "text rule failed: ZeroDivisionError"


def test_any_other_rule_that_fails_raises_with_its_step_and_cause() -> None:
    found, _ = reader(AnswerRules("b", texts=(Broken(),)))
    with pytest.raises(RuleFailed, match="b: ZeroDivisionError") as failed:
        found.read("!", 0, True, 0, Edits())
    assert failed.value.__cause__ is failed.value.cause


class Slow(Digits):
    """Takes half a second for each exclamation mark."""

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        TIME[0] += 0.5 * text.count("!")
        return super().scan(text, start, final)


TIME = [0.0]


def timed(rules: AnswerRules) -> tuple[Reader, Report]:
    report = Report(clock=lambda: TIME[0])
    report.enrol([rules])
    return readers_of([rules], report)[0], report


@pytest.mark.parametrize("options", [{"lenient": True}, {"binding": False}])
def test_a_rule_that_may_fail_and_is_too_slow_leaves_with_what_it_found(options: dict[str, bool]) -> None:
    found, report = timed(AnswerRules("s", texts=(Slow(),), **options))
    edits = Edits()
    assert found.read("a 12345 !", 0, False, 0, edits) == 9
    assert not found.gone
    assert found.read("a 12345 !!", 9, False, 0, edits) == 10
    assert (found.gone, report.steps["s"].skipped) == (True, "text rule failed: TooSlow")
    assert [(span.start, span.end) for span in edits.take(10)] == ([(2, 7)] if found.binding else [])


def test_any_other_rule_that_is_too_slow_ends_the_answer() -> None:
    found, _ = timed(AnswerRules("s", texts=(Slow(),)))
    with pytest.raises(RuleFailed, match="s: TooSlow"):
        found.read("!!", 0, True, 0, Edits())


def test_a_long_text_may_take_its_time() -> None:
    found, _ = timed(AnswerRules("s", texts=(Slow(),)))
    assert found.read("!!" + "a" * 200_000, 0, True, 0, Edits()) == 200_002


def test_nobody_is_too_slow_where_nobody_has_a_clock() -> None:
    found, _ = reader(AnswerRules("s", texts=(Slow(),)))
    assert found.read("!!!!", 0, True, 0, Edits()) == 4
