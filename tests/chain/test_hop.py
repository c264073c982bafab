from __future__ import annotations

import inspect

import pytest
from msgspec.structs import replace

from kapagate.chain.hop import Endpoint, Hop, Outbound


@pytest.mark.parametrize(
    ("host", "port", "tls", "authority"),
    [
        ("api.example", 443, True, "api.example"),
        ("api.example", 80, False, "api.example"),
        ("api.example", 80, True, "api.example:80"),
        ("api.example", 443, False, "api.example:443"),
        ("127.0.0.1", 9000, False, "127.0.0.1:9000"),
        ("::1", 9000, False, "[::1]:9000"),
        ("::1", 443, True, "[::1]"),
    ],
)
def test_the_authority_names_the_port_where_it_is_not_the_schemes_own(
    host: str, port: int, tls: bool, authority: str
) -> None:
    assert Endpoint("x", host, port, tls).authority == authority


def test_equal_endpoints_share_a_pool() -> None:
    one, same = Endpoint("crm", "127.0.0.1", 9000), Endpoint("crm", "127.0.0.1", 9000)
    assert len({one, same, replace(one, connections=1)}) == 2


def test_a_request_upstream_has_no_body_and_shares_connections_unless_it_says_so() -> None:
    outbound = Outbound(b"GET", b"/", [])
    assert (outbound.body, outbound.length, outbound.partition) == (b"", None, None)


def test_a_hop_of_tests_keeps_to_the_port(lab) -> None:
    assert list(inspect.signature(Hop.send).parameters)[1:] == list(inspect.signature(lab.hop.send).parameters)
