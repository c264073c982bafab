"""Blocked terms are whole words in any script, found however the text is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.events import Text
from kapagate.answer.refusal import Refused
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules
from kapagate.answer.window import Window
from kapagate.guards.terms import LONGEST, BlockedTerms, terms_in
from tests.answer.toys import delivered

TERMS = ["Project Falcon", "pass", "C++", "straße", "日本", "a b c", "pass word"]
WORDS = [
    "project",
    "FALCON",
    "falcon's",
    "pass",
    "passage",
    "C++",
    "c++11",
    "\u0301",
    "\u0323\u0302",
    "Straße",
    "日本語",
    "a",
    "b",
    "c",
]
words = st.lists(st.sampled_from([*WORDS, " ", "  ", "\n", ", ", ".", "é", "\ud800", "x"]), max_size=16)


def said(pieces: list[str], terms: list[str] = TERMS) -> str:
    return delivered([AnswerRules("terms", texts=(BlockedTerms(terms),))], pieces)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("PROJECT  falcon flies", "<blocked> flies"),
        ("project\u00a0\nFalcon", "<blocked>"),
        ("passage, bypass, pass!", "passage, bypass, <blocked>!"),
        ("C++11 and C+", "<blocked>11 and C+"),
        ("die Straße", "die <blocked>"),
        ("日本語です", "<blocked>語です"),
        ("a b c a b", "<blocked> a b"),
        ("pass words, pass word", "<blocked> words, <blocked>"),
        ("pass\u0301 pa\u00adss pass\u00ading pass-ing", "pass\u0301 pa\u00adss pass\u00ading <blocked>-ing"),
        ("x\u0323\u0302pass", "x\u0323\u0302pass"),
    ],
)
def test_finds_whole_words_in_either_case(text: str, left: str) -> None:
    assert said([text]) == left


@given(words, st.lists(st.integers(1, 9), max_size=12))
def test_every_cut_delivers_the_same(parts: list[str], sizes: list[int]) -> None:
    text = "".join(parts)
    pieces, at = [], 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    assert said([*pieces, text[at:]]) == said([text]) == said(list(text))


@given(st.lists(words.map("".join), max_size=4))
def test_clean_texts_are_texts_without_edits(texts: list[str]) -> None:
    rule = BlockedTerms(TERMS)
    assert not rule.clean(texts) or not any(rule.scan(text, 0, True)[0] for text in texts)


def test_prose_waits_for_as_many_words_as_a_phrase_has_and_one() -> None:
    assert BlockedTerms(["one", "two words"]).scan("now we speak of things", 0, False) == ([], 7)
    assert BlockedTerms(["one"]).scan("x" * 500, 0, False) == ([], 500 - BlockedTerms(["one"]).reach)


def test_a_term_can_refuse() -> None:
    report = Report()
    rules = [AnswerRules("terms", texts=(BlockedTerms(["falcon"], "refuse"),))]
    report.enrol(rules)
    window = Window(rules, report)
    window.add(Text("the Falcon"))
    with pytest.raises(Refused) as refused:
        window.release(final=True)
    assert refused.value.kind == "blocked_term"


@pytest.mark.parametrize("term", ["", " \n", "x" * (LONGEST + 1)])
def test_terms_are_words(term: str) -> None:
    with pytest.raises(ValueError, match="1 to 200"):
        BlockedTerms([term])


def test_many_terms_are_one_look() -> None:
    terms = [f"term{number}" for number in range(500)]
    assert said(["a term7 term499x term499"], terms) == "a <blocked> term499x <blocked>"


def test_letters_are_found_composed_and_with_their_marks_apart() -> None:
    for term in ("Caf\u00e9 noir", "Cafe\u0301 noir"):
        assert said(["the caf\u00e9 noir, CAFE\u0301 NOIR, cafe noir"], [term]) == "the <blocked>, <blocked>, cafe noir"


def test_a_file_has_a_term_a_line() -> None:
    assert terms_in("# ours\nProject Falcon\n\n  C#  \r\n#\n") == ["Project Falcon", "C#"]
