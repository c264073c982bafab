from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.events import Event, Other, Place, Sources, Text
from kapagate.answer.held import Held
from kapagate.answer.refusal import Refused
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules, Edit, Limit
from kapagate.answer.window import Window
from tests.answer.toys import Broken, Digits, Words, texts, window_of


class Sure(Digits):
    """Says when texts are clean."""

    def clean(self, many: Sequence[str]) -> bool:
        return not any(self.scan(text, 0, True)[0] for text in many)


class Unsure(Digits):
    """Never says it."""

    def clean(self, many: Sequence[str]) -> bool:
        return False


class Unread(Digits):
    """Says it of all texts and may not be asked to scan."""

    def clean(self, many: Sequence[str]) -> bool:
        return True

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        raise AssertionError("a clean text was scanned")


RULE_SETS = {
    "none": [],
    "sure": [AnswerRules("d", texts=(Sure(),))],
    "titles": [AnswerRules("d", texts=(Sure(kinds=frozenset({"title"})),))],
    "shadow": [AnswerRules("d", texts=(Sure(),), binding=False), AnswerRules("w", texts=(Words(),))],
    "unsure": [AnswerRules("d", texts=(Unsure(),)), AnswerRules("s", texts=(Sure(),))],
    "limited": [
        AnswerRules("d", texts=(Sure(),), limit=Limit(9, " [cut]")),
        AnswerRules("far", limit=Limit(30, "...")),
    ],
    "watched": [AnswerRules("l", limit=Limit(5, ""), binding=False)],
    "lenient": [AnswerRules("b", texts=(Broken(),), lenient=True), AnswerRules("s", texts=(Sure(),))],
}


def held_of(rules: Sequence[AnswerRules]) -> tuple[Held, Report]:
    report = Report()
    report.enrol(rules)
    return Held(rules, report), report


def through(window: Held | Window, events: Sequence[Event]) -> list[Event]:
    for event in events:
        window.add(event)
    return [event for event in window.release(final=True) if event != Text("")]


def titled(text: str) -> Event:
    return Sources([{"title": text}], (Place((0, "title"), "title"), Place((0, "gone"), "title")))


@pytest.mark.parametrize("name", RULE_SETS)
@given(running=st.lists(texts(max_size=12), max_size=3), title=texts(max_size=6))
def test_delivers_and_reports_what_the_window_does(name: str, running: list[str], title: str) -> None:
    events = [titled(title), *map(Text, running), Other(title, (Place((), "other"),)), Other(1)]
    held, reported = held_of(RULE_SETS[name])
    window, expected = window_of(RULE_SETS[name])
    assert through(held, events) == through(window, events)
    assert reported == expected


def test_an_answer_leaves_at_its_end_and_is_scanned_once() -> None:
    calls = []

    class Counting(Digits):
        def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
            calls.append((text, start, final))
            return super().scan(text, start, final)

    held, _ = held_of([AnswerRules("digits", texts=(Counting(),))])
    for piece in "a 12345":
        held.add(Text(piece))
        assert held.release() == []
    assert held.release(final=True) == [Text("a <n>")]
    assert calls == [("a 12345", 0, True)]


def test_clean_events_leave_as_they_came_and_are_not_scanned() -> None:
    events = [Text("a word"), titled("b"), Other({"n": 12345})]
    held, report = held_of([AnswerRules("d", texts=(Unread(),), limit=Limit(6, ""))])
    assert all(one is other for one, other in zip(through(held, events), events, strict=True))
    assert report.enforced("d")
    assert (report.seen, report.released, report.steps["d"].checked) == (6, 6, 6)


def test_a_finding_in_a_record_is_seen_where_the_running_text_is_clean() -> None:
    held, report = held_of([AnswerRules("d", texts=(Sure(),))])
    assert through(held, [Text("a"), titled("12345")])[1].value == [{"title": "<n>"}]  # type: ignore[union-attr]  # a record
    assert report.steps["d"].edits == {"digits": 1}


def test_a_refusal_is_raised() -> None:
    held, _ = held_of([AnswerRules("d", texts=(Sure(refuse=True),))])
    held.add(Text("12345"))
    with pytest.raises(Refused):
        held.release(final=True)


def test_rules_that_are_let_go_are_not_asked() -> None:
    held, report = held_of([AnswerRules("d", texts=(Sure(),)), AnswerRules("l", limit=Limit(7, "…"))])
    held.add(Text("12345 and more"))
    held.let_go({"d"})
    assert held.release(final=True) == [Text("12345…")]
    assert report.steps["d"].edits == {}
