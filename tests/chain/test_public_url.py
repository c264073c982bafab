from __future__ import annotations

import pytest

from kapagate.chain.headers import Headers
from kapagate.chain.public_url import PublicUrl
from kapagate.chain.request import Kept, Request


def request(host: str = "", secure: bool = False) -> Request:
    headers = Headers([(b"Host", b"evil.example"), (b"X-Forwarded-Host", b"evil.example")])
    return Request("GET", "/", "", headers, Kept(), secure=secure, host=host)


def test_what_the_policy_says_wins() -> None:
    assert PublicUrl("https://ask.example").of(request("proxy.example", True)) == "https://ask.example"


@pytest.mark.parametrize(("secure", "url"), [(True, "https://proxy.example"), (False, "http://proxy.example")])
def test_else_what_a_trusted_proxy_says(secure: bool, url: str) -> None:
    assert PublicUrl().of(request("proxy.example", secure)) == url


def test_the_clients_own_word_is_never_taken() -> None:
    assert PublicUrl().of(request()) == ""
