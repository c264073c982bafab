from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.guards.pattern import read_pattern
from kapagate.guards.regex import regex

PARTS = st.sampled_from([*"ab-.", r"\d", r"\w", "[ab]", "[^a]", r"\.", "(?:ab|c)", "(a|bc)", "(?i:x)", r"\b"])
TIMES = st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{1,3}", "{2,}", "*?"])
repeated = st.tuples(PARTS, TIMES).map(lambda each: each[0] + (each[1] if each[0] != r"\b" else ""))
patterns = st.lists(repeated, max_size=5)
sources = st.lists(patterns.map("".join), min_size=1, max_size=2).map("|".join)


@pytest.mark.parametrize(
    ("text", "shortest", "longest"),
    [
        (r"EMP-\d{6}", 10, 10),
        (r"\bEMP-\d{4,6}\b", 8, 10),
        (r"(?i)(?:ab|cde)f?", 2, 4),
        (r"[A-Z]{2}[ -]?\d{3}", 5, 6),
        (r"a+", 1, None),
        (r"a(b|c*)d", 2, None),
        (r"x{2,}", 2, None),
        (r"[]a-]{3}", 3, 3),
    ],
)
def test_the_lengths_of_matches_are_known(text: str, shortest: int, longest: int | None) -> None:
    pattern = read_pattern(text)
    assert (pattern.shortest, pattern.longest) == (shortest, longest)


@given(sources, st.text("aAbcxX1-. ", max_size=12))
def test_every_beginning_of_a_match_is_known_as_one(source: str, text: str) -> None:
    try:
        pattern = read_pattern(source)
    except ValueError:
        return
    data = text.encode()
    tail = regex(rb"(?:" + pattern.beginnings + rb")\z")
    for found in re.finditer(source.encode(), data):
        begin, end = found.span()
        assert pattern.shortest <= end - begin
        assert pattern.longest is None or end - begin <= pattern.longest
        for cut in range(begin + 1, end + 1):
            beginning = tail.search(data[:cut], begin)
            assert beginning is not None
            assert beginning.span() == (begin, cut)


@given(sources, st.text("aAbcxX1-. ", max_size=12))
def test_a_pattern_means_what_it_means_elsewhere(source: str, text: str) -> None:
    try:
        pattern = read_pattern(source)
    except ValueError:
        return
    data, expected = text.encode(), re.search(source.encode(), text.encode())
    found = regex(pattern.source).search(data)
    assert (found and found.span()) == (expected and expected.span())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (r"^a", "pieces"),
        (r"a$", "pieces"),
        (r"\Aa", "pieces"),
        (r"(?=a)b", "look-around"),
        (r"(?<!a)b", "look-around"),
        (r"(?P<n>a)", "look-around"),
        (r"(a)\1", r"`\\1` is not known"),
        (r"\pLa", "not known"),
        (r"a*", "nothing stands"),
        (r"a|b?", "nothing stands"),
        (r"(a", "without its"),
        (r"a)", "without its"),
        (r"[a", "not understood"),
        (r"[[:alpha:]]", "not understood"),
        (r"*a", "nothing stands before"),
        (r"\b+a", "matches nothing"),
        (r"a{5,2}", "repeated"),
        (r"a{2000}", "repeated"),
        (r"(?:(?:a{900}){900}){9}", "re2 refuses"),
        ("a\\", "not known"),
        ("ключ", "Latin-1"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_pattern(text)
