"""Which network an address counts as, for limits per address."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=8192)
def network(address: str) -> str:
    """An IPv4 address itself (also when mapped into IPv6), the /64 of an IPv6 address: one site can use all of it.

    What is no address (a unix socket's peer has none) counts as itself.
    """
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{ipaddress.IPv6Address(int(parsed) >> 64 << 64)}/64"
