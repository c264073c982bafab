from __future__ import annotations

from kapagate.answer.events import Identifiers, Other, Text, Uncertain
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules
from tests.answer.toys import Digits, streamed


def test_counts_what_was_delivered() -> None:
    report = Report()
    for event in (Text("abc"), Other("x"), Text("d")):
        report.tell(event)
    assert report.delivered == 4


def test_an_answer_is_uncertain_once_a_delivered_record_says_so() -> None:
    report = Report()
    report.tell(Uncertain(False))
    assert not report.uncertain
    report.tell(Uncertain(True))
    assert report.uncertain


def test_nothing_is_enforced_that_nobody_declared() -> None:
    assert not Report().enforced("d")


def test_a_rule_is_enforced_while_it_is_ahead_of_what_was_released() -> None:
    report = Report()
    report.enrol([AnswerRules("d", texts=(Digits(),)), AnswerRules("t", texts=(Digits(kinds=frozenset({"title"})),))])
    report.released = 5
    assert not report.enforced("d")
    assert report.enforced("t")
    report.steps["d"].checked = 5
    assert report.enforced("d")
    report.steps["d"].skipped = "why"
    assert not report.enforced("d")


def test_a_rule_at_the_end_is_enforced_when_it_has_run() -> None:
    async def end(_: object) -> list[Text]:
        return []

    report = Report()
    report.enrol([AnswerRules("e", end=end)])
    assert not report.enforced("e")
    report.steps["e"].end_is_due = False
    assert report.enforced("e")


def test_knows_how_long_text_waited() -> None:
    _, report = streamed([AnswerRules("d", texts=(Digits(),))], map(Text, ["a 1", "23", "4567", " b"]))
    assert report.held_back == 7
    assert (report.seen, report.released) == (11, 11)


def test_the_identifiers_that_leave_are_kept_until_somebody_takes_them() -> None:
    report = Report()
    report.tell(Identifiers({"thread_id": "t"}))
    report.tell(Identifiers({"thread_id": "t", "question_answer_id": "q"}))
    assert report.identifiers == {"thread_id": "t", "question_answer_id": "q"}
