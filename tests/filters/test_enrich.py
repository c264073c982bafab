from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Invalid
from kapagate.chain.principal import PRINCIPAL, TENANT, Principal, Tenant
from kapagate.chain.secret import Secret
from kapagate.chain.services import Services
from kapagate.chain.step import OnRequest, Step
from kapagate.chain.upstream import Upstream
from kapagate.filters.enrich import Enrich
from kapagate.identity.key_sets import PUBLIC, KeySet
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.identity.published import PublishedKeys
from kapagate.identity.tokens import Expected, verify
from kapagate.upstreams.http import Http
from tests.filters.exchanges import CHAT, NOW, FakeClock, exchange, services
from tests.identity.keys import pem, private

PSEUDONYMS = Pseudonyms(b"p" * 32)
CLAIMS = {"plan": "gold", "email": "ann@acme.example", "given_name": "Ann", "family_name": "Lee", "locale": "de-CH"}
ANN = Principal("ann", "acme", ("viewer", "operator"), "jwt", "s1", CLAIMS, NOW + 1000)
NOTHING: Any = None
CRM = replace(CHAT, name="crm", operation="", upstream=Upstream("crm", NOTHING, NOTHING, Http(url="http://127.0.0.1")))
ACME = Tenant("acme")
KEY, NEXT = (Secret(pem(private(name)).decode(), f"${{env:{name}}}") for name in ("Ed25519", "P-256"))
EMAIL = {"source": "claim:email", "personal": True}


def step(published: PublishedKeys | None = None, clock: FakeClock | None = None, **options: Any) -> Step:
    offered: Services = services(clock).with_ports({PublishedKeys: published or PublishedKeys()})
    return Enrich.model_validate(options).compile(offered)


def hook(**options: Any) -> OnRequest:
    made = step(**options).on_request
    assert made is not None
    return made


async def enriched(made: Exchange | None = None, **options: Any) -> Exchange:
    made = made or exchange(principal=replace(ANN))
    assert await hook(**options)(made) is None
    return made


def at_backend(headers: dict[str, str] | None = None, principal: Principal = ANN) -> Exchange:
    return exchange(headers, principal=replace(principal), route=CRM)


async def test_context_is_one_line_per_name() -> None:
    made = await enriched(add={"tenant_id": "tenant", "roles": "roles", "plan": "claim:plan", "none": "claim:none"})
    assert made.edit.context == {"tenant_id": "acme", "roles": "viewer,operator", "plan": "gold"}


async def test_the_person_becomes_a_pseudonym_always() -> None:
    made = await enriched()
    assert made.edit.pseudonym == PSEUDONYMS.of("acme", "ann")
    assert (made.edit.context, made.edit.headers, made.edit.email) == ({}, {}, None)


async def test_what_the_caller_has_not_got_is_left_out() -> None:
    add = {"roles": "roles", "role": "role", "session": "session", "language": "language", "plan": "claim:plan"}
    headers = {"X-Roles": "roles", "X-Plan": "claim:plan"}
    for made in (exchange(principal=Principal("ann", "acme")), at_backend(principal=Principal("ann", "acme"))):
        await enriched(made, add=add, user={"email": EMAIL}, backends={"headers": headers})
        assert (made.edit.context, made.edit.headers, made.edit.email) == ({}, {}, None)


async def test_what_earlier_steps_added_stays() -> None:
    made = exchange(principal=replace(ANN))
    made.edit = made.edit.with_context({"first": "1"})
    assert (await enriched(made, add={"tenant_id": "tenant"})).edit.context == {"first": "1", "tenant_id": "acme"}


PERSONAL = ["subject", "claim:email", "claim:sub", "claim:user.Given_Name", "claim:phone_number"]


@pytest.mark.parametrize("source", PERSONAL)
@pytest.mark.parametrize("place", ["add", "user", "headers", "subject", "claims"])
def test_nothing_personal_is_told_unless_the_policy_says_so(place: str, source: str) -> None:
    def options(given: Any) -> dict[str, Any]:
        token = {"key": KEY, "issuer": "gateway"}
        return {
            "add": {"add": {"x": given}},
            "user": {"user": {"first_name": given}},
            "headers": {"backends": {"headers": {"X-Kapagate-X": given}}},
            "subject": {"backends": {"token": {**token, "subject": given}}},
            "claims": {"backends": {"token": {**token, "claims": {"x": given}}}},
        }[place]

    for given in (source, {"source": source}, {"source": source, "personal": False}):
        with pytest.raises(ValidationError, match="is personal: to tell it all the same, say"):
            Enrich.model_validate(options(given))
    assert Enrich.model_validate(options({"source": source, "personal": True}))


async def test_kapa_is_told_of_the_person_what_the_policy_names() -> None:
    user = {
        "email": EMAIL,
        "first_name": {"source": "claim:given_name", "personal": True},
        "last_name": {"source": "claim:family_name", "personal": True},
        "company_name": "tenant_name",
    }
    made = await enriched(add={"plan": "claim:plan"}, user=user)
    assert made.edit.email == "ann@acme.example"
    assert made.edit.context == {"plan": "gold", "first_name": "Ann", "last_name": "Lee", "company_name": "acme"}
    there = await enriched(at_backend(), add={"plan": "claim:plan"}, user=user)
    assert (there.edit.email, there.edit.context) == (None, {"plan": "gold"})


async def test_backends_are_told_in_headers_and_kapa_is_not() -> None:
    headers = {"X-Kapagate-Subject": "pseudonym", "X-Kapagate-Roles": "roles", "X-Kapagate-Mail": EMAIL}
    made = await enriched(at_backend(), backends={"headers": headers})
    assert made.edit.headers == {
        b"x-kapagate-subject": PSEUDONYMS.of("acme", "ann").encode(),
        b"x-kapagate-roles": b"viewer,operator",
        b"x-kapagate-mail": b"ann@acme.example",
    }
    assert (await enriched(backends={"headers": headers})).edit.headers == {}


@pytest.mark.parametrize("plan", ["a\r\nX-Admin: 1", "ü", "\x00", " a "])
async def test_headers_cannot_break_out(plan: str) -> None:
    made = at_backend(principal=replace(ANN, claims={"plan": plan}))
    (value,) = (await enriched(made, backends={"headers": {"X-Plan": "claim:plan"}})).edit.headers.values() or [b""]
    assert value.isascii()
    assert value == value.strip()
    assert not {0, 10, 13} & set(value)


def test_what_backends_are_told_no_client_may_say() -> None:
    headers = {"X-Kapagate-Subject": "pseudonym", "X-Team": "claim:team"}
    told = step(backends={"headers": headers, "token": {"key": KEY, "issuer": "gateway"}})
    assert told.asserts == {b"x-kapagate-subject", b"x-team", b"authorization"}
    assert step(add={"a": "tenant"}).asserts == frozenset()


async def test_backends_can_have_it_signed() -> None:
    published, clock = PublishedKeys(), FakeClock()
    token = {"key": KEY, "also_published": [NEXT], "issuer": "https://gateway.example"}
    made = step(published, clock, backends={"token": token}).on_request
    assert made is not None
    asked = at_backend()
    await made(asked)
    kind, _, text = asked.edit.headers[b"authorization"].decode().partition(" ")
    expected = Expected("https://gateway.example", frozenset({"crm"}), frozenset({"EdDSA"}))
    keys = KeySet.of_jwks(published.document(), PUBLIC)
    claims = verify(text, expected, keys, clock.wall())
    assert (kind, claims["sub"], claims["tenant"]) == ("Bearer", PSEUDONYMS.of("acme", "ann"), "acme")
    assert claims["roles"] == ["viewer", "operator"]
    assert [key["alg"] for key in published.document()["keys"]] == ["EdDSA", "ES256"]
    elsewhere = exchange(principal=replace(ANN))
    await made(elsewhere)
    assert elsewhere.edit.headers == {}


@pytest.mark.parametrize("add", [{}, {"l": "language"}])
async def test_a_token_is_renewed_though_all_else_is_kept(add: dict[str, str]) -> None:
    clock, ann = FakeClock(), replace(ANN)
    made = step(clock=clock, add=add, backends={"token": {"key": KEY, "issuer": "gateway"}}).on_request
    assert made is not None
    found = []
    for seconds in (0, 29, 1):
        clock.pass_by(seconds)
        asked = exchange(principal=ann, tenant=ACME, route=CRM)
        await made(asked)
        found.append(asked.edit.headers[b"authorization"])
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"key": Secret("no key", "${env:X}")}, ("key",)),
        ({"also_published": [NEXT, Secret("no key", "${env:X}")]}, ("also_published", 1)),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(change: dict[str, Any], at: tuple[Any, ...]) -> None:
    with pytest.raises(Invalid, match=r"^\$\{env:X\}: expected a private key") as caught:
        step(backends={"token": {"key": KEY, "issuer": "gateway", **change}})
    assert caught.value.at == ("backends", "token", *at)


async def origin(option: str, document: Any, referer: str | None = "https://app.example/page?token=1") -> Any:
    made = exchange({"Referer": referer} if referer else {}, principal=replace(ANN))
    made.edit = made.edit.with_document(document)
    return (await enriched(made, origin_url=option)).edit.document


async def test_the_page_is_the_clients_word_or_the_fields_or_nothing() -> None:
    own, page = {"query": "?", "metadata": {"origin_url": "https://a.example"}}, "https://app.example/page?token=1"
    filled = {"query": "?", "metadata": {"origin_url": page}}
    for option, expected in (("client", own), ("referer", own), ("none", {"query": "?"})):
        assert await origin(option, own) == expected
    for said in ({"query": "?"}, {"query": "?", "metadata": None}, {"query": "?", "metadata": {}}):
        assert await origin("referer", said) == filled
        assert await origin("referer", said, None) == said
    assert await origin("referer", {"metadata": 5}) == {"metadata": 5}
    assert await origin("none", 5) == 5
    assert await origin("referer", [5]) == [5]


@pytest.mark.parametrize("option", ["referer", "none"])
async def test_other_operations_have_no_page_to_tell(option: str) -> None:
    made = exchange(principal=replace(ANN), route=replace(CHAT, operation="feedback"))
    made.edit = made.edit.with_document({"metadata": {}})
    assert (await enriched(made, origin_url=option)).edit.document == {"metadata": {}}
    assert await enriched(at_backend({"Referer": "https://a.example"}), origin_url=option)


@pytest.mark.parametrize(
    "options",
    [
        {"add": {"x": "persona"}},
        {"add": {"x": "claim:"}},
        {"add": {"x": ""}},
        {"add": {"X": "tenant"}},
        {"add": {"1x": "tenant"}},
        {"add": {"x-y": "tenant"}},
        {"add": {"": "tenant"}},
        {"add": {f"x{number}": "tenant" for number in range(33)}},
        {"add": {"x": {"from": "tenant"}}},
        {"user": {"phone": "tenant"}},
        {"origin_url": "always"},
        *(
            {"backends": {"headers": {name: "tenant"}}}
            for name in ("Content-Length", "Host", "X-", "X-Forwarded-For", "x-real-ip", "X-Correlation-ID", "X-A:b")
        ),
        *(
            {"backends": {"token": {"key": KEY, "issuer": "i", **more}}}
            for more in (
                {"header": "Cookie"},
                {"header": "X-Forwarded-User"},
                {"issuer": ""},
                {"lifetime": "9s"},
                {"lifetime": "2h"},
                {"claims": {"exp": "tenant"}},
                {"claims": {"x": "language"}},
                {"subject": "language"},
            )
        ),
    ],
)
def test_unknown_sources_and_odd_names_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Enrich.model_validate(options)


def test_stands_behind_whoever_identifies() -> None:
    assert step().reads == {PRINCIPAL, TENANT}


async def test_what_was_told_once_is_not_told_for_another_tenant_or_language() -> None:
    named, spoken = hook(add={"t": "tenant_name", "i": "integration"}), hook(add={"l": "language"})
    ann = Principal("ann", "acme")
    plain = exchange(principal=ann, tenant=Tenant("acme"))
    there = exchange(principal=ann, tenant=Tenant("acme", "Acme Ltd"))
    for _ in range(2):
        for made, name in ((plain, "acme"), (there, "Acme Ltd")):
            await named(made)
            assert made.edit.context == {"t": name}
    for language in ("de", "fr"):
        asked = exchange({"Accept-Language": language}, principal=ann)
        await spoken(asked)
        assert asked.edit.context == {"l": language}
