from __future__ import annotations

from kapagate.chain.headers import Headers

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
