"""Tenants of a policy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.policy.load import Loaded

Load = Callable[..., Loaded]


def beta(acme: str) -> str:
    return acme.replace("acme", "beta").replace("ACME", "BETA").replace("0002", "0003")


def test_tenants_with_equal_changes_share_their_chain(load: Load, good: str, acme: str) -> None:
    generation = load(good, acme + "---\n" + beta(acme)).generation
    assert generation is not None
    own, other = generation.tenants["acme"].steps, generation.tenants["beta"].steps
    assert own is other
    assert own is not None
    assert own.chain[0] is generation.steps.chain[0]
    assert own.chain[2] is not generation.steps.chain[2]


def test_a_tenant_without_changes_has_the_gateways_chain(load: Load, good: str, acme: str) -> None:
    generation = load(good, acme[: acme.index("chain:")]).generation
    assert generation is not None
    assert generation.tenants["acme"].steps is None


def test_reserved_names_are_refused(load: Load, good: str, acme: str) -> None:
    loaded = load(good.replace(", tenant: acme", ""), acme.replace("name: acme", "name: none").replace("ACME", "NONE"))
    assert "KG212" in {each.code.name for each in loaded.diagnostics}


def test_a_tenant_named_default_takes_the_place_of_the_gateways_own(load: Load, good: str, acme: str) -> None:
    text = acme.replace("acme", "default").replace("${env:KG_ACME_KEY}", "${env:KG_DEFAULT_KEY}")
    loaded = load(
        good.replace(", tenant: acme", ""), text, {"TOKEN": "t" * 40, "KAPA_KEY": "k" * 9, "KG_DEFAULT_KEY": "d" * 9}
    )
    assert loaded.generation is not None, loaded.report()
    assert loaded.generation.tenants["default"].accounts["kapa"].project.endswith("2")


def test_a_held_stream_lets_guards_see_the_whole_answer(load: Load, good: str, acme: str) -> None:
    change = acme.replace("{mask: phone}", "{at_end: true}")
    assert "KG330" in load(good, change).report()
    assert 'for tenant "acme"' in load(good, change).report()
    assert load(good, change.replace('KEY}"}', 'KEY}", stream: buffer}')).ok


def test_a_mistake_in_one_tenant_does_not_hide_those_of_another(load: Load, good: str, acme: str) -> None:
    loaded = load(
        good, acme.replace("at: answer", "at: nothing") + "---\n" + beta(acme).replace("mask: phone", "mask: fax")
    )
    assert [each.span.line for each in loaded.diagnostics] == [7, 15]


def test_many_tenants_share_what_is_equal(load: Load, good: str, acme: str) -> None:
    tenants = [
        acme.replace("name: acme", f"name: t{index}")
        .replace("ACME", f"T{index}")
        .replace("000000000002", f"{index + 2:012}")
        for index in range(300)
    ]
    environment = {f"KG_T{index}_KEY": "k" * 20 for index in range(300)} | {"TOKEN": "t" * 40, "KAPA_KEY": "k" * 20}
    loaded = load(good.replace(", tenant: acme", ""), "---\n".join(tenants), environment)
    assert loaded.generation is not None, loaded.report()[:2000]
    assert len(loaded.generation.tenants) == 301
    assert len({id(tenant.steps) for tenant in loaded.generation.tenants.values()}) == 2


@pytest.mark.parametrize("key", ["gate", "roles", "routes", "listen"])
def test_what_is_everybodys_belongs_in_the_gateway_document(load: Load, good: str, acme: str, key: str) -> None:
    [error] = [each for each in load(good, acme + f"{key}: []\n").diagnostics if each.is_error]
    assert (error.code.name, error.message) == ("KG215", f'"{key}" belongs in the Gateway document, not here')
    assert error.suggestion is None
