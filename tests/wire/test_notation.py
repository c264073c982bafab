from __future__ import annotations

import pytest

from tests.wire.notation import decoded


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (r"a\r\n\t\0\\b", b"a\r\n\t\0\\b"),
        (r"\x00\xff", b"\x00\xff"),
        (r"\(ab*3)", b"ababab"),
        (r"\(\(a*2)\r\n*2)", b"aa\r\naa\r\n"),
        ("a\nb\n", b"ab"),
        (r"\(a*0)", b""),
    ],
)
def test_means_bytes(text: str, meant: bytes) -> None:
    assert decoded(text) == meant


@pytest.mark.parametrize("text", ["ä", "\t", r"\x0", r"\xFF", r"\q", r"\(a", r"\(a*)", "\\"])
def test_guesses_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="no notation"):
        decoded(text)
