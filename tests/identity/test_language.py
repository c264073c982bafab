from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.identity.language import preferred, primary_tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("de", "de"),
        ("de-CH", "de"),
        ("pt_BR", "pt"),
        ("EN-us", "en"),
        ("*", None),
        ("", None),
        ("d", None),
        ("1a", None),
    ],
)
def test_the_primary_tag_is_the_language_alone(text: str, tag: str | None) -> None:
    assert primary_tag(text) == tag


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        (b"fr", "fr"),
        (b"de-CH, en;q=0.5", "de"),
        (b"en;q=0.3, fr;q=0.9", "fr"),
        (b"en;q=0", None),
        (b"*", None),
        (b"*, fr;q=0.2", "fr"),
        (b"", None),
        (b"en;q=high", None),
        (b"; ;, ,", None),
    ],
)
def test_the_heaviest_language_is_preferred(header: bytes, tag: str | None) -> None:
    assert preferred(header) == tag


@given(st.binary(max_size=200))
def test_any_header_gives_a_short_tag_or_none(header: bytes) -> None:
    tag = preferred(header)
    assert tag is None or (tag.isascii() and tag.islower() and 2 <= len(tag) <= 8)


def test_only_the_first_ranges_are_read() -> None:
    assert preferred(b",".join([b"*"] * 16 + [b"fr"])) is None
