from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kapagate.chain.endpoint import Reachable
from kapagate.chain.filter import Invalid
from kapagate.chain.hop import Endpoint
from kapagate.chain.services import Services
from kapagate.chain.upstream import Compiled


class Some(Reachable):
    """An upstream of no particular type."""

    def compile(self, name: str, services: Services) -> Compiled:
        raise NotImplementedError


def declared(url: str, **more: Any) -> Some:
    return Some.model_validate({"url": url, **more})


def test_the_fields_become_an_endpoint() -> None:
    some = declared(
        "https://Kapa.example:8443/eu/kapa/",
        timeouts={"connect": "500ms", "first_byte": "2m", "idle": "5s"},
        connections=7,
        ca_file="/etc/ca.pem",
    )
    assert some.endpoint("docs") == Endpoint("docs", "kapa.example", 8443, True, "/etc/ca.pem", 0.5, 120.0, 5.0, 7)
    assert some.prefix == "/eu/kapa"


def test_how_long_a_connection_waits_for_a_request_is_the_policys() -> None:
    assert declared("https://kapa.example").endpoint("docs").keep_alive_timeout == 15.0
    short = declared("https://kapa.example", timeouts={"keep_alive": "4s"})
    assert short.endpoint("docs").keep_alive_timeout == 4.0


def test_who_waits_for_a_connection_and_what_is_shown_are_the_policys() -> None:
    some = declared(
        "https://kapa.example", queue={"length": 3, "timeout": "2s"}, client_cert="/c.pem", client_key="/k.pem"
    )
    endpoint = some.endpoint("docs")
    assert (endpoint.queue, endpoint.queue_timeout) == (3, 2.0)
    assert (endpoint.client_cert, endpoint.client_key) == ("/c.pem", "/k.pem")


@pytest.mark.parametrize(
    ("url", "files", "at"),
    [
        ("https://kapa.example", {"client_key": "/k.pem"}, ("client_key",)),
        ("http://localhost", {"client_cert": "/c.pem"}, ("client_cert",)),
        ("http://localhost", {"ca_file": "/ca.pem"}, ("ca_file",)),
    ],
)
def test_a_certificate_that_nobody_would_show_is_an_error(url: str, files: dict[str, str], at: tuple[str]) -> None:
    with pytest.raises(Invalid) as refused:
        declared(url, **files).endpoint("docs")
    assert refused.value.at == at


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("https://api.kapa.ai", "api.kapa.ai", 443, True),
        ("https://api.kapa.ai/", "api.kapa.ai", 443, True),
        ("http://127.0.0.1:9000", "127.0.0.1", 9000, False),
        ("http://127.8.0.1", "127.8.0.1", 80, False),
        ("http://[::1]:9000", "::1", 9000, False),
        ("http://localhost", "localhost", 80, False),
        ("http://kapa.localhost", "kapa.localhost", 80, False),
    ],
)
def test_https_goes_anywhere_and_plain_http_stays_on_this_machine(url: str, host: str, port: int, tls: bool) -> None:
    endpoint = declared(url).endpoint("x")
    assert (endpoint.host, endpoint.port, endpoint.tls) == (host, port, tls)
    assert declared(url).prefix == ""


@pytest.mark.parametrize(
    "url",
    ["http://api.kapa.ai", "http://10.0.0.1", "http://localhost.example", "http://0.0.0.0", "http://127.0.0.1.nip"],
)
def test_plain_http_to_another_machine_is_refused_at_load(url: str) -> None:
    with pytest.raises(Invalid, match="use https") as refused:
        declared(url).endpoint("x")
    assert refused.value.at == ("url",)


def test_plain_http_goes_to_hosts_that_the_policy_names() -> None:
    assert declared("http://CRM.internal", plain_http=["crm.Internal"]).endpoint("x").port == 80
    assert declared("http://[fd00::1]", plain_http=["[fd00::1]"]).endpoint("x").host == "fd00::1"


@pytest.mark.parametrize(
    "url",
    ["https://169.254.169.254", "https://[fe80::1]", "http://[::ffff:169.254.169.254]", "http://169.254.0.1"],
)
def test_link_local_addresses_are_refused_even_when_named(url: str) -> None:
    with pytest.raises(Invalid, match="link-local"):
        declared(url, plain_http=["169.254.0.1", "::ffff:169.254.169.254"]).endpoint("x")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.kapa.ai",
        "ftp://api.kapa.ai",
        "https://",
        "https://ann:pw@api.kapa.ai",
        "https://api.kapa.ai?x=1",
        "https://api.kapa.ai#x",
        "https://[::1",
        "https://api.kapa.ai:99999",
        "https://api.kapa.ai:0",
        "https://käpa.example",
        "https://api.kapa.ai/a/../b",
        "https://api.kapa.ai/a//b",
        "https://api.kapa.ai/%61",
        "https://api.kapa.ai/a b",
    ],
)
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        declared(url)


@pytest.mark.parametrize(
    "more",
    [
        {"timeouts": {"connect": "0s"}},
        {"timeouts": {"total": "1s"}},
        {"connections": 0},
        {"port": 1},
        {"queue": {"length": -1}},
    ],
)
def test_bounds_and_unknown_fields_are_errors(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        declared("https://api.kapa.ai", **more)
