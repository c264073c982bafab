"""Origins: the pages that may ask, as browsers name them (RFC 6454; Fetch Standard, "CORS protocol").

A browser writes an origin in one way: scheme and host in lower case, the host in its ASCII form, the port only where it
is not the scheme's own, and nothing behind it. So origins are compared byte by byte, and one that a policy writes in
another way is refused, for it would never match. `null` is what every sandboxed frame and every local file says: nobody
can be meant by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv6Address
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

ANY = "*"
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_ORIGIN = re.compile(
    rf"([a-z][a-z0-9+.-]*)://((?:\*\.)?{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::([1-9][0-9]{{0,4}}))?"
)
_OWN_PORTS = {"http": "80", "https": "443"}
_EXPECTED = 'expected an origin, such as "https://app.example", "https://*.app.example" or "*"'


def parse_origin(value: Any) -> str:
    """The origin itself, when browsers could say it. Raises ValueError with what to mend."""
    if not isinstance(value, str):
        raise ValueError(_EXPECTED)
    if value == ANY:
        return value
    found = _ORIGIN.fullmatch(value)
    if found is None:
        raise ValueError(_why_none(value))
    scheme, host, port = found.groups()
    if port is not None and int(port) > 65_535:
        raise ValueError(_EXPECTED)
    if port is not None and port == _OWN_PORTS.get(scheme):
        raise ValueError(f"leave :{port} out, as browsers do")
    if host.startswith("["):
        _check_ipv6(host[1:-1])
    if host.startswith("*.") and "." not in host[2:] and host != "*.localhost":
        raise ValueError("a name directly under such a `*` can be anybody's: name what stands left of it")
    return value


def _why_none(value: str) -> str:
    if value.lower() == "null":
        return "every sandboxed frame and every local file says null: nobody can be meant by it"
    if not value.isascii():
        return "write the host in its ASCII form (xn--...), as browsers do"
    if value != value.lower() and _ORIGIN.fullmatch(value.lower()):
        return f"write {value.lower()}, as browsers do"
    if _ORIGIN.fullmatch(value.rstrip("/")) or re.match(r"[a-z][a-z0-9+.-]*://[^/?#]+[/?#]", value):
        return "an origin ends with its host or port: no slash and no path"
    if "*" in value:
        return "a `*` stands for one whole label at the front of the host, as in https://*.app.example"
    return _EXPECTED


def _check_ipv6(text: str) -> None:
    try:
        written = str(IPv6Address(text))
    except ValueError:
        raise ValueError(_EXPECTED) from None
    if written != text:
        raise ValueError(f"write [{written}], as browsers do")


Origin = Annotated[str, BeforeValidator(parse_origin), WithJsonSchema({"type": "string"})]


class Origins:
    """Decides over the value of an `Origin` field. `patterns` as `parse_origin` takes them."""

    __slots__ = ("_exact", "_wild", "any")

    def __init__(self, patterns: Iterable[str]) -> None:
        given = frozenset(patterns)
        wild = sorted(each for each in given if "*" in each and each != ANY)
        self.any = ANY in given
        self._exact = frozenset(each.encode() for each in given if "*" not in each)
        self._wild = re.compile("|".join(map(_expression, wild)).encode()) if wild else None

    def admit(self, origin: bytes) -> bool:
        """Whether a page of this origin may ask; `*` admits any text at all."""
        return self.any or origin in self._exact or (self._wild is not None and bool(self._wild.fullmatch(origin)))


def _expression(pattern: str) -> str:
    """One label in place of the asterisk."""
    before, _, behind = pattern.partition("*")
    return re.escape(before) + _LABEL + re.escape(behind)
