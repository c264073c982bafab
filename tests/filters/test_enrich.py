from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from kapagate.chain.exchange import Exchange
from kapagate.chain.principal import PRINCIPAL, TENANT, Account, Principal, Tenant
from kapagate.chain.secret import Secret
from kapagate.chain.upstream import Upstream
from kapagate.filters.enrich import PERSONAL, Enrich
from kapagate.identity.pseudonym import Pseudonyms
from tests.filters.exchanges import CHAT, exchange, services

PSEUDONYMS = Pseudonyms(b"p" * 32)
CLAIMS = {
    "plan": "gold",
    "seats": 5,
    "beta": True,
    "teams": ["a", "b"],
    "mixed": ["a", 5],
    "nested": {"region": "eu"},
    "odd": "a\nb\x1b[0m",
    "long": "x" * 1000,
    "locale": "de-CH",
}
ANN = Principal("ann", "acme", ("viewer", "operator"), "jwt", "s1", CLAIMS)


async def enriched(add: dict[str, str], made: Exchange | None = None) -> Exchange:
    made = made or exchange(principal=ANN)
    hook = Enrich.model_validate({"add": add}).compile(services()).on_request
    assert hook is not None
    assert await hook(made) is None
    return made


async def value(source: str, made: Exchange | None = None) -> str | None:
    return (await enriched({"x": source}, made)).edit.context.get("x")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("tenant", "acme"),
        ("tenant_name", "acme"),
        ("roles", "viewer,operator"),
        ("role", "viewer"),
        ("session", PSEUDONYMS.session("acme", "s1")),
        ("language", "de"),
        ("integration", None),
        ("claim:plan", "gold"),
        ("claim:seats", "5"),
        ("claim:beta", "true"),
        ("claim:teams", "a,b"),
        ("claim:mixed", None),
        ("claim:nested", None),
        ("claim:nested.region", "eu"),
        ("claim:odd", "ab[0m"),
        ("claim:long", "x" * 256),
        ("claim:none", None),
    ],
)
async def test_every_source_gives_one_line_or_nothing(source: str, expected: str | None) -> None:
    assert await value(source) == expected


async def test_the_person_becomes_a_pseudonym_always() -> None:
    made = await enriched({})
    assert made.edit.pseudonym == PSEUDONYMS.of("acme", "ann")
    assert made.edit.context == {}


async def test_what_the_caller_has_not_got_is_left_out() -> None:
    made = exchange(principal=Principal("ann", "acme"))
    add = {"roles": "roles", "role": "role", "session": "session", "language": "language", "plan": "claim:plan"}
    assert (await enriched(add, made)).edit.context == {}


async def test_what_earlier_steps_added_stays() -> None:
    made = exchange(principal=ANN)
    made.edit = made.edit.with_context({"first": "1"})
    assert (await enriched({"tenant_id": "tenant"}, made)).edit.context == {"first": "1", "tenant_id": "acme"}


async def test_a_tenants_display_name_is_its_name() -> None:
    assert await value("tenant_name", exchange(principal=ANN, tenant=Tenant("acme", "Acme Ltd"))) == "Acme Ltd"


async def test_the_integration_is_the_tenants_own_at_this_upstream() -> None:
    accounts = {"kapa": Account("p", Secret("k"), integration_id="i-1")}
    tenant = Tenant("acme", accounts=accounts)

    def at(upstream: str) -> Exchange:
        nothing: Any = None
        return exchange(
            principal=ANN, tenant=tenant, route=replace(CHAT, upstream=Upstream(upstream, nothing, nothing))
        )

    assert await value("integration", at("kapa")) == "i-1"
    assert await value("integration", at("crm")) is None


@pytest.mark.parametrize(
    ("locale", "accepted", "language"),
    [("fr_CA", "de", "fr"), (None, "de-AT, en;q=0.4", "de"), ("???", "en", "en"), (None, "*", None), (5, None, None)],
)
async def test_the_language_is_the_claims_or_the_headers(
    locale: Any, accepted: str | None, language: str | None
) -> None:
    headers = {"Accept-Language": accepted} if accepted else {}
    made = exchange(headers, principal=replace(ANN, claims={"locale": locale}))
    assert await value("language", made) == language


@pytest.mark.parametrize("name", [*sorted(PERSONAL), "Email", "user.email", "address.locality"])
def test_personal_claims_cannot_be_added(name: str) -> None:
    with pytest.raises(ValidationError, match="personal; the policy cannot add it"):
        Enrich.model_validate({"add": {"x": f"claim:{name}"}})


@pytest.mark.parametrize(
    "add",
    [
        {"x": "subject"},
        {"x": "claim:"},
        {"x": ""},
        {"X": "tenant"},
        {"1x": "tenant"},
        {"x-y": "tenant"},
        {"": "tenant"},
        {f"x{number}": "tenant" for number in range(33)},
    ],
)
def test_unknown_sources_and_odd_names_are_refused(add: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Enrich.model_validate({"add": add})


def test_stands_behind_whoever_identifies() -> None:
    assert Enrich(add={}).compile(services()).reads == {PRINCIPAL, TENANT}


async def test_what_was_added_once_is_not_added_for_another_tenant_or_language() -> None:
    hook = Enrich.model_validate({"add": {"t": "tenant_name", "i": "integration"}}).compile(services()).on_request
    spoken = Enrich.model_validate({"add": {"l": "language"}}).compile(services()).on_request
    assert hook is not None
    assert spoken is not None
    ann = Principal("ann", "acme")
    plain = exchange(principal=ann, tenant=Tenant("acme"))
    there = exchange(principal=ann, tenant=Tenant("acme", "Acme Ltd"))
    for _ in range(2):
        for made, name in ((plain, "acme"), (there, "Acme Ltd")):
            await hook(made)
            assert made.edit.context == {"t": name}
    for language in ("de", "fr"):
        asked = exchange({"Accept-Language": language}, principal=ann)
        await spoken(asked)
        assert asked.edit.context == {"l": language}
