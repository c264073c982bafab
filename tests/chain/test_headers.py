from __future__ import annotations

import pytest

from kapagate.chain.headers import Headers, field_value

RAW = [(b"X-Api-Key", b"one"), (b"Accept", b"a"), (b"x-api-KEY", b"two"), (b"X-Bad", b"\xff\xc3\xa9")]


def test_names_are_compared_without_case() -> None:
    headers = Headers(RAW)
    assert headers.get(b"x-api-key") == b"one"
    assert headers.all(b"x-api-key") == [b"one", b"two"]
    assert b"accept" in headers


def test_what_is_absent_is_none_and_empty() -> None:
    headers = Headers(RAW)
    assert (headers.get(b"x-none"), headers.all(b"x-none"), headers.text(b"x-none")) == (None, [], None)
    assert b"x-none" not in headers
    assert Headers().get(b"accept") is None


def test_text_survives_whatever_the_bytes_were() -> None:
    text = Headers(RAW).text(b"x-bad")
    assert text is not None
    assert text.encode("utf-8", "surrogateescape") == b"\xff\xc3\xa9"
    assert Headers(RAW).text(b"accept") == "a"


def test_the_fields_stay_as_they_came() -> None:
    headers = Headers(RAW)
    assert headers.get(b"accept") == b"a"
    assert headers.raw is RAW


def test_an_empty_value_is_a_value() -> None:
    assert Headers([(b"A", b"")]).get(b"a") == b""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", b""),
        ("viewer, operator", b"viewer, operator"),
        ("50%", b"50%25"),
        ("Zoë", b"Zo%C3%AB"),
        ("a\r\nX-Admin: 1", b"a%0D%0AX-Admin: 1"),
        ("\0", b"%00"),
        (" a ", b"a"),
    ],
)
def test_any_text_can_be_a_value_and_none_breaks_out(text: str, value: bytes) -> None:
    assert field_value(text) == value
