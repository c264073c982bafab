"""Networks in CIDR notation (RFC 4632, RFC 4291), and lists of them that are asked about many addresses.

An IPv4 address is the same one however it came: mapped into IPv6 (`::ffff:192.0.2.1`) it is in networks of IPv4 and in
none of IPv6, be it `::/0`. The zone of an address (`fe80::1%eth0`, RFC 4007) names an interface of some machine and no
place: it is passed over, and a network cannot have one.

A list becomes disjoint ranges of numbers in order, so that asking is one bisection however long it is. What was asked
is remembered, up to a bound.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Network = IPv4Network | IPv6Network
_MOST_REMEMBERED = 4096
_EXPECTED = 'expected an address or a network, such as "10.0.0.0/8"'
_MAPPED = IPv6Network("::ffff:0:0/96")


def parse_network(value: Any) -> Network:
    """`10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`; of a mapped one the IPv4 network. Raises ValueError."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    text = str(value)
    address, slash, length = text.partition("/")
    if "%" in text:
        raise ValueError("a zone such as %eth0 names an interface, not a network: leave it out")
    if slash and not (length.isascii() and length.isdecimal()):
        raise ValueError(_EXPECTED)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(_EXPECTED) from None
    if network.network_address != ip_address(address):
        raise ValueError(f"the network is {network}; the address alone is {address}")
    return _unmapped(network)


def _unmapped(network: Network) -> Network:
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


def parse_networks(text: str) -> tuple[Network, ...]:
    """A network per line; `#` and `;` begin what is only for people. Raises ValueError with the number of the line."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        said = line.partition("#")[0].partition(";")[0].strip()
        if said:
            try:
                found.append(parse_network(said))
            except ValueError as cause:
                raise ValueError(f"line {number}: {cause}") from None
    return tuple(found)


class _Ranges:
    """Disjoint ranges in order, of the addresses of one version."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, networks: Iterable[Network]) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted((int(each.network_address), int(each.broadcast_address)) for each in networks):
            if self._lasts and first <= self._lasts[-1] + 1:
                self._lasts[-1] = max(self._lasts[-1], last)
            else:
                self._firsts.append(first)
                self._lasts.append(last)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]


class Networks:
    """The addresses of some networks."""

    __slots__ = ("_four", "_six")

    def __init__(self, networks: Iterable[Network]) -> None:
        given = tuple(networks)
        self._four = _Ranges(each for each in given if each.version == 4)
        self._six = _Ranges(each for each in given if each.version == 6)

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        return int(address) in (self._four if address.version == 4 else self._six)


class Admission:
    """Who is let in: whoever is in `allow` (None: anybody) and not in `deny`."""

    __slots__ = ("_allow", "_deny", "_known")

    def __init__(self, allow: Iterable[Network] | None, deny: Iterable[Network]) -> None:
        self._allow = None if allow is None else Networks(allow)
        self._deny = Networks(deny)
        self._known: dict[str, bool] = {}

    def admits(self, client: str) -> bool:
        """Decides over an address as the wire gave it. What is none (the peer of a unix socket) is in no list."""
        known = self._known.get(client)
        if known is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            known = self._known[client] = self._decide(client)
        return known

    def _decide(self, client: str) -> bool:
        address = address_of(client)
        if address is None:
            return self._allow is None
        return address not in self._deny and (self._allow is None or address in self._allow)


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address itself, without its zone; of a mapped one the IPv4 address. None for what is none."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
