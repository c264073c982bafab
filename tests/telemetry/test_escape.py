from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.telemetry.escape import escaped, escaped_lines


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain text, ümläut, 日本", "plain text, ümläut, 日本"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\r\nFAKE line", "a\\x0d\\x0aFAKE line"),
        ("\x9b31m", "\\x9b31m"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        ("\u2066x\u2069\u200b", "\\u2066x\\u2069\\u200b"),
        ("\udcff", "\\udcff"),
        ("\x00\x7f", "\\x00\\x7f"),
    ],
)
def test_control_ansi_and_bidi_characters_are_spelt_out(text: str, safe: str) -> None:
    assert escaped(text, 100) == safe


def test_long_text_is_cut() -> None:
    assert escaped("x" * 1000, 10) == "x" * 10 + "…"


def test_tracebacks_keep_their_lines_and_nothing_else() -> None:
    assert escaped_lines("a\n\x1b[2Jb\r\n", 100) == "a\n\\x1b[2Jb\\x0d\n"


@given(st.text(st.characters()), st.integers(0, 50))
def test_nothing_that_moves_a_cursor_comes_through(text: str, longest: int) -> None:
    for safe, allowed in ((escaped(text, longest), ""), (escaped_lines(text, longest), "\n")):
        assert not [one for one in safe if ord(one) < 0x20 and one not in allowed]
        assert not set(safe) & set("\x7f\x9b\u202e\u2066\u2028\ufeff")
        safe.encode()
