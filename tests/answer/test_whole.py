from __future__ import annotations

import pytest

from kapagate.answer.events import Failure, Other, Place, Record, Sources
from kapagate.answer.reader import readers_of
from kapagate.answer.refusal import Refused, RuleFailed
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules
from kapagate.answer.whole import edited_text, edited_whole
from tests.answer.toys import Broken, Digits, Words


def edited(record: Record, *rules: AnswerRules) -> tuple[Record, Report]:
    report = Report()
    report.enrol(rules)
    return edited_whole(record, readers_of(rules, report), report), report


def test_edits_declared_places_and_nothing_else() -> None:
    value = {"a": ["x 12345", "12345"], "b": {"c": "12345"}, "n": 12345}
    record = Other(value, (Place(("a", 0), "other"), Place(("b", "c"), "title")), "envelope")
    result, report = edited(record, AnswerRules("d", texts=(Digits(),)))
    assert result == Other({"a": ["x <n>", "12345"], "b": {"c": "<n>"}, "n": 12345}, record.places, "envelope")
    assert value["a"] == ["x 12345", "12345"]
    assert report.steps["d"].edits == {"digits": 2}


def test_each_rule_edits_the_kinds_that_it_names() -> None:
    sources = Sources(
        [{"title": "12345", "note": "12345"}], (Place((0, "title"), "title"), Place((0, "note"), "other"))
    )
    result, _ = edited(sources, AnswerRules("d", texts=(Digits(kinds=frozenset({"title"})),)))
    assert result.value == [{"title": "<n>", "note": "12345"}]


def test_a_value_that_is_itself_the_text() -> None:
    assert edited(Failure("12345", (Place((), "other"),)), AnswerRules("d", texts=(Digits(),)))[0].value == "<n>"


@pytest.mark.parametrize("value", [{"a": None}, {"a": 12345}, {}, [], "x", {"a": ""}])
def test_a_place_without_a_text_is_passed_over(value: object) -> None:
    record = Other(value, (Place(("a",), "other"),))
    assert edited(record, AnswerRules("d", texts=(Digits(),)))[0] is record


def test_overlapping_edits_merge_and_shadow_rules_only_count() -> None:
    record = Other("99990" + "1a", (Place((), "other"),))
    rules = [
        AnswerRules("d", texts=(Digits(),)),
        AnswerRules("w", texts=(Words(),)),
        AnswerRules("s", texts=(Digits(),), binding=False),
    ]
    result, report = edited(record, *rules)
    assert result.value == "<w>"
    assert report.steps["s"].would_edit == {"digits": 1}


def test_raises_what_its_rules_raise() -> None:
    record = Other("12345!", (Place((), "other"),))
    with pytest.raises(Refused):
        edited(record, AnswerRules("no", texts=(Digits(refuse=True),)))
    with pytest.raises(RuleFailed):
        edited(record, AnswerRules("b", texts=(Broken(),)))
    assert edited(record, AnswerRules("b", texts=(Broken(),), lenient=True))[0] is record


def test_many_edits_in_one_record_stay_linear() -> None:
    count = 20_000
    record = Other(["12345"] * count, tuple(Place((index,), "other") for index in range(count)))
    assert edited(record, AnswerRules("d", texts=(Digits(),)))[0].value == ["<n>"] * count


def test_edits_one_text() -> None:
    rules, report = [AnswerRules("d", texts=(Digits(),))], Report()
    report.enrol(rules)
    assert edited_text("a 12345 b 12345", "question", readers_of(rules, report), report) == "a <n> b <n>"
