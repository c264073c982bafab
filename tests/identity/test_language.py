from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.chain.headers import Headers
from kapagate.chain.principal import PRINCIPAL, Principal
from kapagate.identity.language import language_of, preferred, primary_tag
from tests.exchanges import exchange


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


@pytest.mark.parametrize(
    ("locale", "accepted", "expected"),
    [
        ("de-CH", b"fr", "de"),
        ("", b"fr;q=0.5, es", "es"),
        ("?", b"fr", "fr"),
        ("", b"", None),
    ],
)
def test_the_callers_own_word_comes_before_the_browsers(locale: str, accepted: bytes, expected: str | None) -> None:
    ex = exchange()
    ex.request.headers = Headers([(b"Accept-Language", accepted)] if accepted else [])
    ex.put(PRINCIPAL, Principal(subject="ann", tenant="acme", claims={"locale": locale}))
    assert language_of(ex) == expected


def test_strangers_have_the_browsers_language() -> None:
    ex = exchange()
    ex.request.headers = Headers([(b"Accept-Language", b"de")])
    ex.facts.pop(PRINCIPAL, None)
    assert language_of(ex) == "de"
