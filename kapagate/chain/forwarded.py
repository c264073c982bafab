"""Who asks, through proxies that the policy trusts: `Forwarded` (RFC 7239), or X-Forwarded-For, -Proto and -Host.

Each proxy says what it saw of its own client, and says it to the right of what it was told. So the fields are read from
the right: what the peer says is believed when the peer is trusted, what stands left of it when the address that the
peer saw is trusted too, and so on. The first address that is not trusted is the client. A node that is no address
(`unknown`, `_hidden`, garbage) ends the walk: the client is then the last proxy that is known, which is true and never
somebody's choice. What could be read in two ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import zip_longest

from msgspec import Struct

from kapagate.chain import problems
from kapagate.chain.headers import Headers
from kapagate.chain.problem import Problem

Network = IPv4Network | IPv6Network

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PAIR = re.compile(rb"(%b)=(?:(%b)|\"((?:[^\"\\]|\\.)*)\")" % (_TOKEN, _TOKEN))
_ESCAPED = re.compile(rb"\\(.)")
_BLANKS = b" \t"
_ZONE = r"(?:%[\w.~-]{1,64})?"
_NODE = re.compile(
    rf"\[([0-9A-Fa-f:.]+){_ZONE}\](?::\w+)?|([0-9.]+)(?::\w+)?|([0-9A-Fa-f]*:[0-9A-Fa-f:.]*){_ZONE}", re.ASCII
)
_HOST = re.compile(r"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_ALONE = (b"x-forwarded-proto", b"x-forwarded-host")


class Origin(Struct, frozen=True):
    """`client`: the address without port. `secure`: it came by TLS. `host`: what it called, where a proxy says so."""

    client: str
    secure: bool
    host: str = ""


class Seen(Struct, frozen=True):
    """What one proxy says of its client; empty where it says nothing."""

    node: str = ""
    scheme: str = ""
    host: str = ""


class TrustedHops:
    """`networks`: the addresses of the proxies that are believed."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)

    def origin(self, headers: Headers, peer: str, secure: bool) -> Origin:
        """Of a request that came from `peer`. Raises Problem `malformed-request` for what is said twice."""
        origin = Origin(peer, secure)
        address = _address(peer)
        if not self._trusts(address):
            return origin
        for seen in _said(headers):
            address = _address(seen.node)
            origin = Origin(
                str(address) if address else origin.client,
                seen.scheme == "https" if seen.scheme in ("http", "https") else origin.secure,
                seen.host if _HOST.fullmatch(seen.host) else origin.host,
            )
            if not self._trusts(address):
                break
        return origin

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def _said(headers: Headers) -> Iterator[Seen]:
    """What the proxies say, the nearest first."""
    old = [_list(headers.all(name)) for name in (b"x-forwarded-for", *_ALONE)]
    if any(len(headers.all(name)) > 1 for name in _ALONE):
        raise _ambiguous("a field that says what the proxy saw stands twice")
    if b"forwarded" not in headers:
        return (Seen(node, scheme.lower(), host) for node, scheme, host in zip_longest(*old, fillvalue=""))
    if any(old):
        raise _ambiguous("Forwarded and X-Forwarded fields tell of the proxies, and might differ")
    return iter(_elements(b",".join(headers.all(b"forwarded")))[::-1])


def _list(values: Sequence[bytes]) -> list[str]:
    """The members of a list, the last first."""
    return [each.strip(_BLANKS).decode("latin-1") for each in b",".join(values).split(b",")][::-1] if values else []


def _elements(value: bytes) -> list[Seen]:
    """The elements of a `Forwarded` field (RFC 7239, 4), quoted or not."""
    elements: list[dict[bytes, str]] = [{}]
    at = 0
    while at < len(value):
        if value[at : at + 1] == b",":
            elements.append({})
            at += 1
        elif value[at] in b"; \t":
            at += 1
        else:
            at = _pair(value, at, elements[-1])
    return [Seen(each.get(b"for", ""), each.get(b"proto", "").lower(), each.get(b"host", "")) for each in elements]


def _pair(value: bytes, at: int, element: dict[bytes, str]) -> int:
    """Reads `name=value` into the element, and returns where it ends."""
    found = _PAIR.match(value, at)
    if found is None or value[found.end() : found.end() + 1] not in (b"", b",", b";", b" ", b"\t"):
        raise _ambiguous("the Forwarded field cannot be read")
    name = found[1].lower()
    if name in element:
        raise _ambiguous("the Forwarded field says something twice")
    said: bytes = found[2] or _ESCAPED.sub(rb"\1", found[3] or b"")
    element[name] = said.decode("latin-1")
    return found.end()


def _address(node: str) -> IPv4Address | IPv6Address | None:
    """The address of a node, without its port and its zone, which is the proxy's own word for one of its interfaces; of
    an IPv4 address in an IPv6 one, the former.
    """
    found = _NODE.fullmatch(node)
    if found is None:
        return None
    try:
        address = ip_address(found[1] or found[2] or found[3])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _ambiguous(detail: str) -> Problem:
    return Problem(problems.MALFORMED_REQUEST, detail)
