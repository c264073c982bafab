from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.events import Event, Other, Text
from kapagate.answer.limit import WORD, Cut
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules, Limit
from tests.answer.toys import cut, pieces_of, said


def limited(pieces: list[str], *rules: AnswerRules) -> tuple[list[Event], Report]:
    report = Report()
    report.enrol(rules)
    limit = Cut(rules, report)
    out: list[Event] = []
    for number, piece in enumerate(pieces):
        limit.text(piece)
        limit.record(Other(number))
        out += limit.drain(final=False)
    return out + limit.drain(final=True), report


def at(characters: int, notice: str = " […]", step: str = "l", binding: bool = True) -> AnswerRules:
    return AnswerRules(step, limit=Limit(characters, notice), binding=binding)


@pytest.mark.parametrize(
    ("text", "limit", "delivered"),
    [
        ("one two three", 13, "one two three"),
        ("one two three", 12, "one two […]"),
        ("one two three", 7, "one two […]"),
        ("one two  three", 8, "one two […]"),
        ("one two three", 6, "one […]"),
        ("one two three", 2, " […]"),
        ("one ", 3, "one […]"),
        ("", 0, ""),
        ("x", 0, " […]"),
        ("x" * 300, 200, "x" * 200 + " […]"),
        ("a " + "x" * 300, 200, "a " + "x" * 198 + " […]"),
    ],
)
def test_cuts_before_the_word_that_would_pass_it(text: str, limit: int, delivered: str) -> None:
    for pieces in ([text], list(text)):
        assert said(limited(pieces, at(limit))[0]) == delivered


@given(
    case=cut(st.text(alphabet="ab \n", max_size=40).map(lambda text: "word " * (WORD // 5) + text)),
    limit=st.integers(0, WORD + 60),
)
def test_cuts_the_same_however_the_text_arrives(case: tuple[str, list[str]], limit: int) -> None:
    text, pieces = case
    expected = said(limited([text], at(limit))[0])
    assert said(limited(pieces, at(limit))[0]) == expected
    if len(text) > limit:
        kept = expected.removesuffix(" […]")
        assert len(kept) <= limit
        assert text.startswith(kept)
        assert text[len(kept)].isspace() or not kept
    else:
        assert expected == text


def test_every_record_passes_in_its_order() -> None:
    out, _ = limited(pieces_of("one two three four", range(18)), at(11))
    assert [each.value for each in out if isinstance(each, Other)] == list(range(18))
    assert out[0] == Text("o") or isinstance(out[0], Text)
    assert said(out) == "one two […]"


def test_a_record_waits_for_the_word_that_it_followed() -> None:
    report = Report()
    rules = [at(20)]
    report.enrol(rules)
    limit = Cut(rules, report)
    limit.text("one tw")
    limit.record(Other(1))
    assert limit.drain(final=False) == [Text("one")]
    limit.text("o x")
    assert limit.drain(final=False) == [Text(" tw"), Other(1), Text("o")]
    assert limit.drain(final=True) == [Text(" x")]


def test_text_far_from_the_limit_leaves_at_once() -> None:
    report = Report()
    rules = [at(WORD + 10)]
    report.enrol(rules)
    limit = Cut(rules, report)
    limit.text("half a wo")
    assert limit.drain(final=False) == [Text("half a wo")]


def test_the_tightest_of_several_limits_wins_and_is_reported() -> None:
    out, report = limited(["one two three"], at(10, step="wide"), at(5, "!", step="tight"), at(9, step="middle"))
    assert said(out) == "one!"
    assert report.cut == "tight"
    assert report.steps["tight"].edits == {"limit": 1}
    assert not report.steps["wide"].edits


def test_a_shadow_limit_only_counts() -> None:
    for pieces in (["one two three"], list("one two three")):
        out, report = limited(pieces, at(5, step="shadow", binding=False))
        assert said(out) == "one two three"
        assert report.cut is None
        assert report.steps["shadow"].would_edit == {"limit": 1}


def test_a_shadow_limit_behind_the_one_that_cuts_is_never_reached() -> None:
    for pieces in (["one two three"], list("one two three")):
        report = limited(pieces, at(5), at(8, step="shadow", binding=False))[1]
        assert not report.steps["shadow"].would_edit


def test_text_passes_as_it_is_only_where_no_word_can_matter() -> None:
    report, rules = Report(), [at(WORD + 10)]
    report.enrol(rules)
    limit = Cut(rules, report)
    assert limit.passes(6)
    assert limit.passes(4)
    assert not limit.passes(1)
    limit.text("x")
    assert not limit.passes(0)
    assert limit.drain(final=True) == [Text("x")]


def test_nothing_passes_as_it_is_where_a_shadow_counts_or_all_is_said() -> None:
    report, rules = Report(), [at(5, step="s", binding=False), at(900), AnswerRules("none")]
    report.enrol(rules)
    assert not Cut(rules, report).passes(1)
    full = Cut([at(1)], report)
    full.text("two words")
    assert not full.passes(1)
