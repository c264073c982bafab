"""Addresses that cannot be served are errors of the policy, at their places."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.policy.load import Loaded

Load = Callable[..., Loaded]


def messages(load: Load, policy: str) -> list[str]:
    return [f"{each.code.name} {each.message}" for each in load(policy).diagnostics]


def listening(good: str, listen: str) -> str:
    lines = [line for line in good.splitlines() if not line.startswith("listen:")]
    return "\n".join([*lines, f"listen: {listen}", ""])


@pytest.mark.parametrize("door", ["probe", "admin"])
def test_data_shares_its_address_with_no_other_door(load: Load, good: str, door: str) -> None:
    policy = listening(good, f'{{data: "127.0.0.1:9000", {door}: "127.0.0.1:9000"}}')
    assert messages(load, policy) == [f"KG212 127.0.0.1:9000 is the address of `data`; give `{door}` its own"]


def test_an_admin_address_that_others_reach_needs_keys(load: Load, limited: str) -> None:
    policy = listening(limited, '{admin: "0.0.0.0:8081"}')
    wanted = "other machines reach 0.0.0.0:8081: declare `admin_keys`, or take a loopback address"
    assert messages(load, policy) == [f"KG212 {wanted}"]
    assert messages(load, policy + 'admin_keys: {secret: "${env:TOKEN}"}\n') == []


def test_pages_ask_the_admin_address_only_where_it_asks_for_keys(load: Load, limited: str) -> None:
    policy = listening(limited, '{admin_origins: ["https://console.example"]}')
    wanted = "such a page could do everything in the browser of anybody on this machine: declare `admin_keys`"
    assert messages(load, policy) == [f"KG212 {wanted}"]
    assert messages(load, policy + 'admin_keys: {secret: "${env:TOKEN}"}\n') == []


@pytest.mark.parametrize("origin", ["*", "https://*.console.example", "https://console.example/", "null"])
def test_pages_that_ask_the_admin_address_are_named(load: Load, limited: str, origin: str) -> None:
    policy = listening(limited, f'{{admin_origins: ["{origin}"]}}') + 'admin_keys: {secret: "${env:TOKEN}"}\n'
    assert [each[:5] for each in messages(load, policy)] == ["KG212"]


def test_free_ports_are_nobodys_address(load: Load, limited: str) -> None:
    policy = listening(limited, '{data: "127.0.0.1:0", probe: "127.0.0.1:0", admin: "127.0.0.1:0"}')
    assert messages(load, policy) == []
