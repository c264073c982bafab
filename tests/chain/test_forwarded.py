from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.chain.forwarded import Origin, TrustedHops
from kapagate.chain.headers import Headers
from kapagate.chain.problem import Problem

PEER = "10.0.0.1"
HOPS = TrustedHops([ip_network(each) for each in ("10.0.0.0/8", "192.0.2.9", "2001:db8:f::/48")])


def origin(*fields: tuple[str, str | bytes], peer: str = PEER, secure: bool = False) -> Origin:
    raw = [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in fields]
    return HOPS.origin(Headers(raw), peer, secure)


def client(value: str | bytes, name: str = "X-Forwarded-For") -> str:
    return origin((name, value)).client


@pytest.mark.parametrize("peer", ["192.0.2.1", "11.0.0.1", "2001:db8:e::1", "", "/run/x", "::ffff:192.0.2.1"])
def test_a_stranger_is_who_its_socket_says(peer: str) -> None:
    said = (("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "a"))
    assert origin(*said, peer=peer) == Origin(peer, False)
    assert origin(("Forwarded", "for=1.2.3.4;"), ("X-Forwarded-For", "!"), peer=peer) == Origin(peer, False)


@pytest.mark.parametrize("peer", ["10.0.0.1", "192.0.2.9", "2001:db8:f::1", "::ffff:10.0.0.1"])
def test_a_trusted_hop_says_who_asks(peer: str) -> None:
    said = (("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "HTTPS"), ("X-Forwarded-Host", "app.example:81"))
    assert origin(*said, peer=peer) == Origin("1.2.3.4", True, "app.example:81")


def test_a_trusted_hop_that_says_nothing_is_the_client() -> None:
    assert origin() == Origin(PEER, False)
    assert origin(secure=True) == Origin(PEER, True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("6.6.6.6, 1.2.3.4, 10.9.9.9", "1.2.3.4"),
        ("6.6.6.6,1.2.3.4 ,\t10.9.9.9,192.0.2.9", "1.2.3.4"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("6.6.6.6, 10.0.0.7, 1.2.3.4, 10.9.9.9", "1.2.3.4"),
    ],
)
def test_reads_from_the_right_up_to_the_first_that_is_not_trusted(value: str, expected: str) -> None:
    assert client(value) == expected
    elements = ", ".join(f"for={each.strip()}" for each in value.split(","))
    assert client(elements, "Forwarded") == expected


def test_fields_that_stand_apart_are_one_list() -> None:
    assert origin(("X-Forwarded-For", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4, 10.0.0.2")).client == "1.2.3.4"
    assert origin(("Forwarded", "for=6.6.6.6"), ("forwarded", "for=1.2.3.4, for=10.0.0.2")).client == "1.2.3.4"


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("1.2.3.4:8080", "1.2.3.4"),
        ("1.2.3.4:_port", "1.2.3.4"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
    ],
)
def test_knows_every_form_of_an_address(node: str, expected: str) -> None:
    assert client(node) == expected
    assert client(f'for="{node}"', "Forwarded") == expected


@pytest.mark.parametrize(
    "node",
    [
        *(
            "",
            "unknown",
            "_hidden",
            "localhost",
            "1.2.3",
            "1.2.3.4.5",
            "01.2.3.4",
            "256.1.1.1",
            "1.2.3.4:",
            "1.2.3.4 x",
        ),
        *(
            "[1.2.3.4",
            "[::1",
            "::1]",
            "[]",
            ":::",
            "fe80::1%",
            "[fe80::1%e;x]",
            "1.2.3.4%eth0",
            "1.2.3.4;",
            "0x7f.1",
            "١.2.3.4",
        ),
    ],
)
def test_what_is_no_address_ends_the_walk_at_the_last_known_proxy(node: str) -> None:
    assert client(f"6.6.6.6, {node}") == PEER
    assert client(f"6.6.6.6, {node}, 10.0.0.5") == "10.0.0.5"


@pytest.mark.parametrize("node", ["fe80::1%eth0", "[fe80::1%eth0]", "[fe80::1%25eth0]:4711", "fe80:0::1%7"])
def test_a_zone_is_the_proxys_own_word_and_passed_over(node: str) -> None:
    assert client(node) == "fe80::1"
    assert client(f'for="{node}"', "Forwarded") == "fe80::1"


def test_a_trusted_proxy_may_be_known_by_an_address_with_a_zone() -> None:
    hops = TrustedHops([ip_network("fe80::/10")])
    headers = Headers([(b"X-Forwarded-For", b"1.2.3.4")])
    assert hops.origin(headers, "fe80::5%eth0", False).client == "1.2.3.4"


def test_a_hidden_node_is_the_proxy_that_hid_it() -> None:
    assert client("for=6.6.6.6, for=unknown", "Forwarded") == PEER
    assert client('for=6.6.6.6, for="_x:_y", for=10.0.0.5', "Forwarded") == "10.0.0.5"
    assert client("proto=https", "Forwarded") == PEER


def test_believes_scheme_and_host_of_the_hop_that_saw_the_client() -> None:
    said = 'for=6.6.6.6;proto=http;host=evil, for=1.2.3.4;proto=https;host="app.example", For=10.0.0.2;Proto=http'
    assert origin(("Forwarded", said)) == Origin("1.2.3.4", True, "app.example")
    lists = (
        ("X-Forwarded-For", "6.6.6.6, 1.2.3.4"),
        ("X-Forwarded-Proto", "https, http"),
        ("X-Forwarded-Host", "evil, a"),
    )
    assert origin(*lists, secure=True) == Origin("1.2.3.4", False, "a")


@pytest.mark.parametrize("scheme", ["ftp", "", "https, ", "javascript", "http s"])
def test_a_scheme_that_is_none_leaves_what_the_socket_says(scheme: str) -> None:
    assert not origin(("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", scheme)).secure
    assert origin(("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", scheme), secure=True).secure


@pytest.mark.parametrize("host", ["", "a b", "a/b", "a\x00", "ä", "a:b", "user@a", "a" * 300, "[::1"])
def test_a_host_that_is_none_is_not_told(host: str) -> None:
    assert origin(("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Host", host)).host == ""


@pytest.mark.parametrize(
    "fields",
    [
        (("Forwarded", "for=1.2.3.4"), ("X-Forwarded-For", "1.2.3.4")),
        (("Forwarded", "for=1.2.3.4"), ("X-Forwarded-Proto", "https")),
        (("X-Forwarded-Proto", "http"), ("X-Forwarded-Proto", "https")),
        (("X-Forwarded-Host", "a"), ("x-forwarded-host", "a")),
        (("Forwarded", "for=1.2.3.4;for=6.6.6.6"),),
        (("Forwarded", "for=1.2.3.4;FOR=6.6.6.6"),),
        (("Forwarded", 'for="1.2.3.4'),),
        (("Forwarded", "for=1.2.3.4x=y"),),
        (("Forwarded", "for"),),
        (("Forwarded", "for="),),
        (("Forwarded", "for = 1.2.3.4"),),
        (("Forwarded", "for=[::1]"),),
        (("Forwarded", 'for="1.2.3.4"x'),),
        (("Forwarded", b"for=\xff"),),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(fields: tuple[tuple[str, str | bytes], ...]) -> None:
    with pytest.raises(Problem) as refused:
        origin(*fields)
    assert refused.value.kind.name == "malformed-request"


def test_quotes_and_empty_elements_are_read_as_the_grammar_says() -> None:
    assert client(r'for="6.6.6.6", by="a,b;c=\"d\"";for="1.2.3.\4"', "Forwarded") == "1.2.3.4"
    assert client("for=1.2.3.4 ; proto=https ;", "Forwarded") == "1.2.3.4"


@given(st.binary(max_size=60), st.sampled_from(["X-Forwarded-For", "Forwarded", "X-Forwarded-Host"]))
def test_nothing_that_is_said_left_of_the_trusted_part_matters(forged: bytes, name: str) -> None:
    own = b"for=1.2.3.4" if name == "Forwarded" else b"1.2.3.4"
    try:
        told = origin((name, forged + b", " + own))
    except Problem:
        return
    if name == "X-Forwarded-Host":
        assert told.client == PEER
    else:
        assert told.client == "1.2.3.4"
