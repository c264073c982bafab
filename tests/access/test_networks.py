"""Networks as policies write them, and who is in them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.access.networks import Admission, Networks, address_of, parse_network, parse_networks


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("192.0.2.1", "192.0.2.1/32"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("2001:DB8::1", "2001:db8::1/128"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_reads_networks_of_both_versions(text: str, network: str) -> None:
    assert parse_network(text) == ip_network(network)
    assert parse_network(ip_network(network)) == ip_network(network)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.0.0.1/8", "the network is 10.0.0.0/8; the address alone is 10.0.0.1"),
        ("2001:db8::1/32", "the network is 2001:db8::/32"),
        ("fe80::1%eth0", "a zone"),
        ("fe80::%eth0/64", "a zone"),
        ("10.0.0.0/255.0.0.0", "expected an address"),
        ("10.0.0.0/0.255.255.255", "expected an address"),
        ("10.0.0.0/33", "expected an address"),
        ("10.0.0.0/", "expected an address"),
        ("10.0.0", "expected an address"),
        ("010.0.0.1", "expected an address"),
        ("10", "expected an address"),
        ("a.example", "expected an address"),
        ("", "expected an address"),
        ("*", "expected an address"),
    ],
)
def test_says_what_is_wrong_with_a_network(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        parse_network(text)
    assert said in str(refused.value)


def test_a_file_has_a_network_per_line_and_comments() -> None:
    text = "# partners\n192.0.2.0/24\n\n  2001:db8::1 ; the office\r\n198.51.100.7 # the job\n"
    assert [str(each) for each in parse_networks(text)] == ["192.0.2.0/24", "2001:db8::1/128", "198.51.100.7/32"]
    assert parse_networks("# nobody\n") == ()


def test_a_fault_in_a_file_is_told_with_its_line() -> None:
    with pytest.raises(ValueError, match=r"line 2: the network is 10\.0\.0\.0/8"):
        parse_networks("192.0.2.0/24\n10.0.0.1/8\n")


@pytest.mark.parametrize(
    ("client", "admitted"),
    [
        ("192.0.2.1", True),
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("192.0.2.66", False),
        ("::ffff:192.0.2.1", True),
        ("::ffff:c000:242", False),
        ("2001:db8::1", True),
        ("2001:db8:0:0:ffff::", True),
        ("2001:db9::", False),
        ("fe80::1%eth0", True),
        ("fe80::1%", True),
        ("fe81::1%eth0", False),
        ("", False),
        ("unknown", False),
        ("192.0.2.1:80", False),
        ("0300.0.2.1", False),
    ],
)
def test_who_is_allowed_and_not_denied_is_let_in(client: str, admitted: bool) -> None:
    allow = map(parse_network, ["192.0.2.0/24", "2001:db8::/32", "fe80::/16"])
    admission = Admission(allow, [parse_network("192.0.2.64/30")])
    assert admission.admits(client) is admitted
    assert admission.admits(client) is admitted


def test_without_an_allowed_list_all_but_the_denied_are_let_in() -> None:
    admission = Admission(None, [parse_network("::/0")])
    assert admission.admits("192.0.2.1")
    assert admission.admits("::ffff:192.0.2.1")
    assert not admission.admits("2001:db8::1")
    assert admission.admits("")


def test_what_was_asked_is_remembered_within_bounds() -> None:
    admission = Admission([parse_network("192.0.2.0/24")], ())
    for number in range(10_000):
        assert not admission.admits(f"2001:db8::{number:x}")
    assert len(admission._known) <= 4096
    assert admission.admits("192.0.2.9")


@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(24, 32)), max_size=12),
    st.integers(0, 255),
    st.sampled_from([4, 6]),
)
def test_ranges_say_what_networks_say(drawn: list[tuple[int, int]], last: int, version: int) -> None:
    prefix, more = ("192.0.2.", 0) if version == 4 else ("2001:db8::", 96)
    networks = [
        ip_network(f"{prefix}{number:{'d' if version == 4 else 'x'}}/{length + more}", strict=False)
        for number, length in drawn
    ]
    address = ip_address(f"{prefix}{last:{'d' if version == 4 else 'x'}}")
    assert (address in Networks(networks)) is any(address in each for each in networks)


def test_an_address_of_one_version_is_in_no_network_of_the_other() -> None:
    assert ip_address("0.0.0.1") not in Networks([ip_network("::/64")])
    assert ip_address("::1") not in Networks([ip_network("0.0.0.0/0")])


def test_an_address_is_itself_however_it_came() -> None:
    assert address_of("::ffff:192.0.2.1%3") == ip_address("192.0.2.1")
    assert address_of("fe80::1%en0") == ip_address("fe80::1")
    assert address_of("here") is None
