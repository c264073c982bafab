"""Addresses that no upstream may resolve to: where clouds hand out credentials to whoever asks."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

_REFUSED = tuple(
    ip_network(network)
    for network in (
        *("169.254.0.0/16", "fe80::/10"),  # link-local, and the metadata services of most clouds
        *("fd00:ec2::254/128", "fd20:ce::254/128"),  # AWS and Google over IPv6
        *("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"),  # Alibaba, Azure, Oracle
        *("0.0.0.0/32", "::/128"),
    )
)


def allowed(address: str) -> bool:
    """Whether an upstream may have this address, a literal as the resolver gives it (`fe80::1%eth0` included)."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return not parsed.is_multicast and not any(parsed in network for network in _REFUSED)
