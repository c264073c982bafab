from __future__ import annotations

import pytest

from kapagate.chain.headers import Headers
from kapagate.chain.hop import Inbound
from kapagate.kapa.mcp_heads import refusal_by_server
from tests.chain.conftest import Pieces


def head(status: int, *fields: tuple[bytes, bytes]) -> Inbound:
    return Inbound(status, Headers(list(fields)), Pieces())


JSON = (b"Content-Type", b"application/json")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_the_gateways_own_trouble(status: int) -> None:
    told = refusal_by_server(head(status, JSON))
    assert told is not None
    assert told.kind.name == "upstream-credentials"


def test_a_redirect_is_never_followed() -> None:
    told = refusal_by_server(head(307, JSON))
    assert told is not None
    assert told.kind.name == "upstream-malformed"


@pytest.mark.parametrize("status", [400, 404, 405, 429, 500])
def test_errors_in_json_are_told_themselves(status: int) -> None:
    assert refusal_by_server(head(status, JSON)) is None


@pytest.mark.parametrize(
    ("status", "told_as"), [(400, 400), (404, 404), (405, 405), (429, 429), (503, 503), (418, 502)]
)
def test_other_words_are_not_shown_and_the_statuses_that_matter_stay(status: int, told_as: int) -> None:
    told = refusal_by_server(head(status, (b"retry-after", b"7")))
    assert told is not None
    assert (told.kind.status, told.retry_after) == (told_as, 7.0)
    assert told.allow == (("POST", "DELETE") if status == 405 else ())


def test_a_time_that_is_no_number_is_left_out() -> None:
    told = refusal_by_server(head(429, (b"retry-after", b"Wed, 21 Oct 2026 07:28:00 GMT")))
    assert told is not None
    assert told.retry_after is None
