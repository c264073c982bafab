from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.cutting import NEAR, WORD
from kapagate.answer.events import Event, Other, Text
from kapagate.answer.limit import Cut
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
    rules = [at(NEAR + 10)]
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
    report, rules = Report(), [at(NEAR + 10)]
    report.enrol(rules)
    limit = Cut(rules, report)
    assert limit.passes("one two", 0, 6)
    assert limit.passes("three", 1, 5)
    assert not limit.passes("four", 1, 2)
    limit.text("x")
    assert not limit.passes("five", 0, 0)
    assert limit.drain(final=True) == [Text("x")]


def test_nothing_passes_as_it_is_where_a_shadow_counts_or_all_is_said() -> None:
    report, rules = Report(), [at(5, step="s", binding=False), at(900), AnswerRules("none")]
    report.enrol(rules)
    assert not Cut(rules, report).passes("one", 0, 1)
    full = Cut([at(1)], report)
    full.text("two words")
    assert not full.passes("one", 0, 1)


FENCED = "Do:\n\n```python\nprint('one two')\nprint('three four')\n```\nThen stop."


@pytest.mark.parametrize("indent", ["", "   ", "> "])
@pytest.mark.parametrize("far", ["", "Long before. " * 300])
def test_an_open_fence_is_closed_before_the_notice(indent: str, far: str) -> None:
    text = far + "".join(f"{indent}{line}" for line in FENCED.splitlines(keepends=True))
    limit = len(far) + text[len(far) :].index("four")
    for pieces in ([text], list(text), pieces_of(text, range(0, len(text), 7))):
        told = said(limited(pieces, at(limit))[0]).removeprefix(far)
        assert told.endswith(f"print('one two')\n{indent}```\n […]")


def test_a_fence_that_is_closed_stays_as_it_is() -> None:
    assert said(limited([FENCED + " Go on and on."], at(len(FENCED)))[0]) == FENCED + " […]"


PROSE = st.sampled_from(
    [
        *(
            "word ",
            "Sentence. ",
            "Really? ",
            "\n\n",
            "1. item\n",
            "日本語のテキスト。",
            "cafe\u0301s ",
            "\U0001f1e9\U0001f1ea",
        ),
        *('[a link](https://a.example/x(y) "title") ', "[b][c] ", "https://b.example/a/b?c=d ", "![i](j.png)", "a[0] "),
        *("```sh\nrm x\n```\n", "`code` ", "x" * 40, "\U0001f468\u200d\U0001f469\u200d\U0001f467", "[open ", ") "),
    ]
)


@given(
    text=st.lists(PROSE, max_size=25).map("".join),
    limit=st.integers(0, 400),
    far=st.sampled_from([0, NEAR - 100]),
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=8),
)
def test_every_cut_of_any_text_is_the_same(text: str, limit: int, far: int, sizes: list[int]) -> None:
    text = "far " * (far // 4) + text
    pieces, place = [], 0
    while place < len(text):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(text[place : place + size])
        place += size
    expected = said(limited([text], at(far + limit))[0])
    assert said(limited(pieces, at(far + limit))[0]) == expected == said(limited(list(text), at(far + limit))[0])


@pytest.mark.parametrize("others", [(), (500,)])
def test_a_limit_that_is_let_go_holds_no_more_and_what_it_held_leaves_in_order(others: tuple[int, ...]) -> None:
    rules = [at(100), *(at(each, step=f"l{each}") for each in others)]
    report = Report()
    report.enrol(rules)
    limit = Cut(rules, report)
    limit.text("A sentence that waits for the ")
    limit.record(Other(1))
    before = limit.drain(final=False)
    limit.let_go({"l"})
    limit.record(Other(2))
    limit.text("next one. " * 20)
    out = [*before, *limit.drain(final=False), *limit.drain(final=True)]
    assert said(out) == "A sentence that waits for the " + "next one. " * 20
    assert [each.value for each in out if isinstance(each, Other)] == [1, 2]
    assert report.cut is None


def test_the_next_limit_holds_when_one_is_let_go() -> None:
    rules = [at(20), at(40, step="next")]
    report = Report()
    report.enrol(rules)
    limit = Cut(rules, report)
    limit.text("word " * 3)
    limit.let_go({"l"})
    limit.text("word " * 20)
    assert said(limit.drain(final=True)) == ("word " * 8).rstrip() + " […]"
    assert report.cut == "next"


def test_what_a_limit_has_cut_stays_cut() -> None:
    report = Report()
    report.enrol([at(10)])
    limit = Cut([at(10)], report)
    limit.text("word " * 20)
    limit.let_go({"l"})
    limit.text("more")
    assert said(limit.drain(final=True)) == "word word […]"
