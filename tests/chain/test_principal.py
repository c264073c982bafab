from __future__ import annotations

import pytest
from msgspec.structs import replace

from kapagate.chain.principal import NO_TENANT, NOBODY, PRINCIPAL, TENANT, Account, Principal, Tenant
from kapagate.chain.secret import Secret


def test_who_is_not_known_is_nobody_of_no_tenant() -> None:
    assert (NOBODY.subject, NOBODY.tenant, NOBODY.roles) == ("", "none", ())
    assert (NO_TENANT.name, NO_TENANT.steps, dict(NO_TENANT.accounts)) == ("none", None, {})


def test_a_principal_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Principal("ann", "acme").roles = ("admin",)


def test_a_principal_shows_nothing_of_what_steps_keep_with_it() -> None:
    principal = Principal("ann", "acme", ("viewer",))
    principal.kept["step"] = token = "-".join(["hush", "token"])
    assert token not in repr(principal)
    assert "ann" in repr(principal)


def test_what_steps_keep_stays_with_the_principal_that_it_was_made_for() -> None:
    principal = Principal("ann", "acme")
    principal.kept["step"] = "made for nobody else"
    assert replace(principal, roles=("admin",)).kept == {}


def test_a_tenant_shows_none_of_its_keys() -> None:
    key = "-".join(["hush", "key"])
    tenant = Tenant("acme", accounts={"kapa": Account("project", Secret(key, "${env:KEY}"))})
    assert key not in repr(tenant)


def test_tenants_of_two_generations_are_not_mistaken_for_each_other() -> None:
    assert Tenant("acme") != Tenant("acme")


def test_an_account_asks_all_sources_and_streams_unless_it_says_otherwise() -> None:
    account = Account("project", Secret("x"))
    assert (account.source_groups, account.buffered, account.integration_id) == (None, False, None)


def test_the_facts_are_named_for_the_messages_of_the_loader() -> None:
    assert (PRINCIPAL.name, TENANT.name) == ("principal", "tenant")
