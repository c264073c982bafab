from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.detector import Detector
from kapagate.guards.ip import IP

Found = Callable[[Detector, str], list[str]]


@pytest.mark.parametrize(
    "address",
    [
        "192.168.10.4",
        "1.2.3.200",
        "10.1.2.3",
        "8.8.8.8",
        "203.0.113.255",
        "2001:db8::1",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "fe80::1",
        "2001:db8::",
        "::ffff:192.0.2.1",
        "64:ff9b::192.0.2.33",
    ],
)
def test_finds_addresses_of_both_versions(found: Found, address: str) -> None:
    for text in (
        address,
        f"from {address}.",
        f"[{address}]",
        f"http://{address}/",
        f"({address}), then",
        f"ip={address}",
    ):
        assert found(IP, text) == [address]


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("10.0.0.1:8080", ["10.0.0.1"]),
        ("host 1.2.3.4 is down", ["1.2.3.4"]),
        ("http://1.2.3.4/x", ["1.2.3.4"]),
        ("at 1.2.3.4:8080", ["1.2.3.4"]),
        ("route 4.3.2.0/24", ["4.3.2.0"]),
        ("10.0.0.0/8", ["10.0.0.0"]),
        ("10.0.0.1-10.0.0.9", ["10.0.0.1", "10.0.0.9"]),
        ("root@10.0.0.5", ["10.0.0.5"]),
        ("<192.168.1.10>, [10.0.0.5]:22", ["192.168.1.10", "10.0.0.5"]),
        ("src=203.0.113.77:51234 dst=198.51.100.9:443", ["203.0.113.77", "198.51.100.9"]),
        ('203.0.113.77 - - [10/Oct/2000:13:55:36 -0700] "GET /', ["203.0.113.77"]),
        ("x-forwarded-for: 203.0.113.77, 198.51.100.9", ["203.0.113.77", "198.51.100.9"]),
        ("GET /api/hosts/203.0.113.77/logs", ["203.0.113.77"]),
        ("ip-203.0.113.9 and host-10.0.0.7", ["203.0.113.9", "10.0.0.7"]),
        ("inet6 addr:fe80::a00:27ff:fe4e:66a1/64", ["fe80::a00:27ff:fe4e:66a1"]),
        ("source:2001:db8::1, IP:2001:db8::2", ["2001:db8::1", "2001:db8::2"]),
        ("IP6 2001:db8::1.51234 > 2001:db8::2.443:", ["2001:db8::1", "2001:db8::2"]),
        ("[fe80::1%25eth0]:80", ["fe80::1"]),
        ("0:0:0:0:0:ffff:203.0.113.9", ["0:0:0:0:0:ffff:203.0.113.9"]),
        ("fe80::1%eth0", ["fe80::1"]),
        ("[2001:db8::1]:443", ["2001:db8::1"]),
        ("2001:db8::/32", ["2001:db8::"]),
        ("ip: 10.1.2.3: refused", ["10.1.2.3"]),
        ("is 2001:db8::5: refused", ["2001:db8::5"]),
    ],
)
def test_finds_addresses_beside_ports_prefixes_and_zones(found: Found, text: str, addresses: list[str]) -> None:
    assert found(IP, text) == addresses


@pytest.mark.parametrize(
    "text",
    [
        "v1.2.3.4",
        "1.2.3.4 Overview",
        "as stated in 3.1.2.4, the",
        "§ 12.1.2.3",
        "Kapitel 13.11.12.14",
        "rozdział 13.11.12.14",
        "versión 12.10.14.11",
        "Git 11.17.12.11 or later",
        "Debian Policy 0.12.10.11",
        "2.83-2.12 3.51.98.32 2.03",
        "attrs[::2], attrs[1::2]",
        "version 1.2.3.4",
        "Version: 10.0.0.1",
        "Chrome/120.0.0.0",
        "kapagate==1.2.3.4",
        "openssl-1.0.2.1",
        "/releases/10.4.2.1/notes",
        "download/12.0.101.3/",
        "a::2001:db8::1",
        ":2001:db8::1",
        "1.2.3.4-beta",
        "1.2.3.4.5",
        "see section 1.2.3.4",
        'ObjectIdentifier("2.5.29.54")',
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4567",
        "01.02.03.004",
        "10:30:45",
        "00:1A:2B:3C:4D:5E",
        "std::vector",
        "Foo::Bar::new()",
        "abc::def",
        "a1:b2:c3:d4:e5:f6:07:18:29:3a:4b:5c:6d:7e:8f:90",
        "::",
        "{a: 1, b: 2}",
        "2001:db8::1::2",
        "x2001:db8::1",
    ],
)
def test_leaves_versions_sections_times_and_code(found: Found, text: str) -> None:
    assert found(IP, text) == []


@pytest.mark.parametrize("text", ["127.0.0.1", "127.0.1.1", "0.0.0.0", "255.255.255.0", "::1", "0:0:0:0:0:0:0:1"])
def test_leaves_addresses_that_point_at_nobody(found: Found, text: str) -> None:
    assert found(IP, text) == []
