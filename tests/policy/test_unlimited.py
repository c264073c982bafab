"""Routes that nothing limits are told, once, with the tenants that are worse off."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.policy.load import Loaded

Load = Callable[..., Loaded]
LIMITS = "  - rate_limit: {}\n"


def told(loaded: Loaded) -> list[tuple[str, str, str | None]]:
    return [(str(each.span), each.message, each.note) for each in loaded.diagnostics if each.code.name == "KG351"]


def test_a_limit_for_everybody_is_enough(load: Load, limited: str) -> None:
    assert told(load(limited)) == []


def test_without_one_every_way_to_an_upstream_or_endpoint_is_told(load: Load) -> None:
    loaded = load()
    messages = {place: message for place, message, _ in told(loaded)}
    assert set(messages) == {"gateway.yaml:9:3", "gateway.yaml:29:55", "gateway.yaml:30:53"}
    assert messages["gateway.yaml:29:55"] == "nothing limits how often crm may be asked"
    assert messages["gateway.yaml:9:3"].startswith("nothing limits how often kapa.chat, kapa.chat_stream, ")
    assert " more may be asked" in messages["gateway.yaml:9:3"]
    assert loaded.ok


@pytest.mark.parametrize(
    ("beside", "covered"),
    [
        ("when: {route: [crm]}", True),
        ("when: {route: [crm], method: [GET]}", True),
        ("when: {method: [GET, POST]}", True),
        ("on_error: allow", True),
        ("when: {route: [crm], method: [HEAD]}", False),
        ("when: {route: [kapa.chat]}", False),
        ("when: {role: [viewer]}", False),
        ("mode: shadow", False),
        ("mode: 'off'", False),
    ],
)
def test_a_limit_counts_where_it_acts_for_every_caller(load: Load, limited: str, beside: str, covered: bool) -> None:
    messages = [message for _, message, _ in told(load(limited.replace(LIMITS, f"{LIMITS}    {beside}\n")))]
    assert ("nothing limits how often crm may be asked" not in messages) is covered


def test_a_tenant_without_the_limit_is_named(load: Load, limited: str, acme: str) -> None:
    found = told(load(limited, acme + "  - {remove: rate_limit}\n"))
    assert {note for _, _, note in found} == {'for tenant "acme"'}
    assert len(found) == 3


def test_what_is_told_for_all_is_not_told_for_a_tenant_again(load: Load, acme: str) -> None:
    assert {note for _, _, note in told(load(tenant=acme))} == {None}
