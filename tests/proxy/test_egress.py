from __future__ import annotations

import pytest

from kapagate.proxy.egress import allowed


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "::ffff:169.254.169.254"),
        *("100.100.100.200", "168.63.129.16", "0.0.0.0", "::", "224.0.0.1", "ff02::1"),
    ],
)
def test_refuses_link_local_and_metadata_addresses(address: str) -> None:
    assert not allowed(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1", "2001:db8::1", "fd12::1"])
def test_allows_private_and_public_addresses(address: str) -> None:
    assert allowed(address)
