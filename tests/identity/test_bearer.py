from __future__ import annotations

import pytest

from kapagate.chain.headers import Headers
from kapagate.chain.problem import Problem
from kapagate.identity.bearer import bearer, single


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (b"Bearer abc", "abc"),
        (b"bearer abc", "abc"),
        (b"BEARER   abc ", "abc"),
        (b"Basic abc", None),
        (b"Bearer", None),
        (b"Bearerabc", None),
        (b"", None),
    ],
)
def test_reads_the_token_of_the_bearer_scheme_alone(value: bytes, token: str | None) -> None:
    assert bearer(Headers([(b"Authorization", value)])) == token


def test_no_field_is_no_token() -> None:
    assert bearer(Headers()) is None


def test_two_credentials_in_one_field_are_refused() -> None:
    headers = Headers([(b"Authorization", b"Bearer a"), (b"authorization", b"Bearer a")])
    with pytest.raises(Problem) as caught:
        bearer(headers)
    assert caught.value.kind.name == "ambiguous-credentials"


def test_bytes_above_ascii_never_look_like_a_credential() -> None:
    assert single(Headers([(b"X-Api-Key", b"k\xff")]), b"x-api-key") == "k�"
