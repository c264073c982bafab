"""What a reader sees as one letter stays whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.graphemes import boundary_before, is_boundary

LETTERS = {
    "accent": "e\u0301",
    "two accents": "a\u0323\u0302",
    "line end": "\r\n",
    "emoji with a skin colour": "\U0001f44d\U0001f3fd",
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "heart with a selector": "\u2764\ufe0f",
    "keycap": "1\ufe0f\u20e3",
    "flag": "\U0001f1e9\U0001f1ea",
    "flag of Scotland": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "Hangul of parts": "\u1112\u1161\u11ab",
    "Devanagari": "\u0915\u094d\u0937\u093f",
    "Thai": "\u0e01\u0e33",
    "Tamil": "\u0ba8\u0bbf",
}


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
def test_a_letter_is_never_parted(letter: str) -> None:
    text = f"a{letter}b"
    assert [at for at in range(len(text) + 1) if is_boundary(text, at)] == [0, 1, len(text) - 1, len(text)]
    assert boundary_before(text, len(text) - 2) == 1


def test_flags_are_parted_by_pairs() -> None:
    text = "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7"
    assert [at for at in range(5) if is_boundary(text, at)] == [0, 2, 4]


def test_letters_and_words_are_parted_from_each_other() -> None:
    text = "ab \u65e5\u672c\ud55c\uae00 \u00e9\u00e8 \U0001f600\U0001f600"
    assert all(is_boundary(text, at) for at in range(len(text) + 1))


@given(st.text(max_size=20), st.integers(0, 20))
def test_there_is_always_a_boundary_before(text: str, at: int) -> None:
    found = boundary_before(text, min(at, len(text)))
    assert 0 <= found <= at
    assert is_boundary(text, found)
