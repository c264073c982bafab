"""Hosts: which address is this machine's alone, and the names that a port may be called by.

A page in a browser on this machine can call loopback under any name that resolves to it (DNS rebinding); the page's
own name stands in `Host`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address

_HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%-]+"
_FIELD = re.compile(rf"({_HOST})(?::[0-9]*)?")
_REMEMBERED = 64


def is_loopback(host: str) -> bool:
    """Whether a host, without port or brackets, is this machine's own and no other's."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(field: str) -> str:
    """The host of a Host field (RFC 9110, 7.2) in lower case, without port, brackets and final dot; empty when it is
    none.
    """
    found = _FIELD.fullmatch(field)
    return found[1].strip("[]").lower().rstrip(".") if found else ""


class Hosts:
    """The names that a port may be called by: loopback, and `names` (hosts without ports)."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(host_of(name) for name in names)
        self.admit = lru_cache(_REMEMBERED)(self._admit)

    def _admit(self, field: str) -> bool:
        """Whether a Host field names one of them."""
        host = host_of(field)
        return bool(host) and (host in self._names or is_loopback(host))
