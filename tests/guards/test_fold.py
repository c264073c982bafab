from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.guards.fold import fold


@given(st.text(st.characters(codec=None)))
def test_one_byte_stands_for_one_character_whatever_it_is(text: str) -> None:
    assert len(fold(text)) == len(text)


@given(st.text(st.characters(codec="ascii")))
def test_ascii_stays_as_it_is(text: str) -> None:
    assert fold(text) == text.encode("ascii")


@given(st.text(), st.text())
def test_a_character_folds_the_same_whatever_stands_beside_it(left: str, right: str) -> None:
    assert fold(left + right) == fold(left) + fold(right)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("１２३", b"123"),
        ("٤٢", b"42"),
        ("a＠b", b"a@b"),
        ("1\u20112\u20133", b"1-2-3"),
        ("1\u00a02\u202f3", b"1 2 3"),
        ("é", b"\xe9"),
        ("ж", b"\xe9"),
        ("АЕ", b"AE"),
        ("𝟒𝐚①", b"4a1"),
        ("1\u200b2\xad3\ufe0f\u20e3", b"1\x802\x803\x80\x80"),
        ("中", b"\xa4"),
        ("—", b"\xa4"),
        ("\ud800", b"\xa4"),
        ("😀", b"\xa4"),
    ],
)
def test_digits_dashes_and_blanks_become_ascii(text: str, folded: bytes) -> None:
    assert fold(text) == folded
