"""Each tenant has its own account, laid over the gateway's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.chain.principal import Account
from kapagate.policy.load import Loaded

KAPA = '{project: "00000000-0000-4000-8000-000000000002", api_key: "${env:KG_ACME_KEY}"}'


def account(loaded: Loaded, tenant: str = "acme") -> Account:
    assert loaded.generation is not None, loaded.report()
    return loaded.generation.tenants[tenant].accounts["kapa"]


def test_a_tenant_has_its_own_project_and_key(load: Callable[..., Loaded]) -> None:
    loaded = load()
    assert account(loaded).project.endswith("2")
    assert account(loaded).api_key.reference == "${env:KG_ACME_KEY}"
    assert account(loaded, "default").api_key.reference == "${env:KAPA_KEY}"
    assert not account(loaded).buffered


def test_a_tenant_may_have_its_streams_held(load: Callable[..., Loaded], good: str, acme: str) -> None:
    assert account(load(good, acme.replace('KEY}"}', 'KEY}", stream: buffer}'))).buffered


@pytest.mark.parametrize(
    ("kapa", "expected"),
    [
        ('{project: "00000000-0000-4000-8000-000000000002"}', "5:10 KG210"),
        ('{api_key: "${env:KG_ACME_KEY}"}', "5:10 KG210"),
        ('{project: x, api_key: "${env:KG_ACME_KEY}"}', "5:19 KG212"),
        (KAPA.replace("ACME", "BETA"), "5:69 KG404"),
        ("{url: 'https://evil.example'}", "5:10 KG214"),
        ("{stream: window}", "5:18 KG213"),
        ("{}\n  kappa: {}", "6:3 KG308"),
        ("{}\n  crm: {}", "6:3 KG308"),
    ],
)
def test_what_a_tenant_may_not_have_is_an_error(
    load: Callable[..., Loaded], good: str, acme: str, kapa: str, expected: str
) -> None:
    errors = [each for each in load(good, acme.replace(KAPA, kapa)).diagnostics if each.is_error]
    assert f"{errors[0].span.line}:{errors[0].span.column} {errors[0].code.name}" == expected


def test_source_groups_that_nobody_names_are_missed_at_the_tenant(
    load: Callable[..., Loaded], good: str, acme: str
) -> None:
    own = (
        '    project: "00000000-0000-4000-8000-000000000001"\n    api_key: "${env:KAPA_KEY}"\n    source_groups: all\n'
    )
    [error] = [each for each in load(good.replace(own, ""), acme).diagnostics if each.is_error]
    assert str(error.span) == "tenant.yaml:5:3"
    assert error.message.startswith("say which of the project's source groups")


def test_a_tenant_without_any_account_is_an_error(load: Callable[..., Loaded], good: str, acme: str) -> None:
    bare = good.replace('    project: "00000000-0000-4000-8000-000000000001"\n    api_key: "${env:KAPA_KEY}"\n', "")
    assert load(bare, acme.replace(KAPA, "{source_groups: all}")).report().startswith("tenant.yaml:3:7  error KG316")
    loaded = load(bare)
    assert loaded.generation is not None, loaded.report()
    assert set(loaded.generation.tenants) == {"acme"}


def test_accounts_know_whether_other_tenants_have_their_project(
    load: Callable[..., Loaded], good: str, acme: str
) -> None:
    assert not account(load(good, acme)).shared
    loaded = load(good, acme.replace("0002", "0001"))
    assert account(loaded).shared
    assert account(loaded, "default").shared


def test_where_no_project_is_anybodys_an_account_is_there_for_who_has_one(
    load: Callable[..., Loaded], good: str, acme: str
) -> None:
    mcp = '  mcp: {type: kapa_mcp, url: "https://acme.mcp.kapa.example"}\n'
    own = '  mcp: {api_key: "${env:KG_ACME_KEY}", source_groups: all}\n'
    declared = good.replace("upstreams:\n", f"upstreams:\n{mcp}", 1)
    loaded = load(declared, acme.replace("upstreams:\n", f"upstreams:\n{own}", 1))
    assert loaded.generation is not None, loaded.report()
    tenants = loaded.generation.tenants
    assert tenants["acme"].accounts["mcp"].project == ""
    assert "mcp" not in tenants["default"].accounts
