from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kapagate.chain.exchange import Exchange
from kapagate.chain.principal import Account, Principal, Tenant
from kapagate.chain.secret import Secret
from kapagate.chain.upstream import Upstream
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.identity.sources import PERSONAL, PLAIN, Value, check_source, getter, is_personal, one_line
from tests.filters.exchanges import CHAT, exchange

PSEUDONYMS = Pseudonyms(b"p" * 32)
CLAIMS = {
    "plan": "gold",
    "seats": 5,
    "beta": True,
    "teams": ["a", "b"],
    "many": ["a"] * 100,
    "mixed": ["a", 5],
    "nested": {"region": "eu"},
    "odd": "a\nb\x1b[0m",
    "long": "x" * 1000,
    "locale": "de-CH",
}
ANN = Principal("ann", "acme", ("viewer", "operator"), "jwt", "s1", CLAIMS)


def value(source: str, made: Exchange | None = None) -> Value | None:
    return getter(source, PSEUDONYMS)(made or exchange(principal=ANN))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("tenant", "acme"),
        ("tenant_name", "acme"),
        ("roles", ("viewer", "operator")),
        ("role", "viewer"),
        ("subject", "ann"),
        ("pseudonym", PSEUDONYMS.of("acme", "ann")),
        ("session", PSEUDONYMS.session("acme", "s1")),
        ("language", "de"),
        ("integration", None),
        ("claim:plan", "gold"),
        ("claim:seats", "5"),
        ("claim:beta", "true"),
        ("claim:teams", ("a", "b")),
        ("claim:many", ("a",) * 32),
        ("claim:mixed", None),
        ("claim:nested", None),
        ("claim:nested.region", "eu"),
        ("claim:odd", "ab[0m"),
        ("claim:long", "x" * 256),
        ("claim:none", None),
    ],
)
def test_every_source_gives_bounded_lines_or_nothing(source: str, expected: Value | None) -> None:
    assert value(source) == expected


@pytest.mark.parametrize("source", ["roles", "role", "session", "language", "integration", "claim:plan"])
def test_what_the_caller_has_not_got_is_nothing(source: str) -> None:
    assert not value(source, exchange(principal=Principal("ann", "acme")))


@pytest.mark.parametrize(("said", "line"), [(None, ""), ("", ""), ("a", "a"), ((), ""), (("a", "b"), "a,b")])
def test_several_lines_are_one_with_commas(said: Value | None, line: str) -> None:
    assert one_line(said) == line


def test_a_tenants_display_name_is_its_name() -> None:
    assert value("tenant_name", exchange(principal=ANN, tenant=Tenant("acme", "Acme Ltd"))) == "Acme Ltd"


def test_the_integration_is_the_tenants_own_at_this_upstream() -> None:
    tenant = Tenant("acme", accounts={"kapa": Account("p", Secret("k"), integration_id="i-1")})
    nothing: Any = None

    def at(upstream: str) -> Exchange:
        route = replace(CHAT, upstream=Upstream(upstream, nothing, nothing))
        return exchange(principal=ANN, tenant=tenant, route=route)

    assert value("integration", at("kapa")) == "i-1"
    assert value("integration", at("crm")) is None


@pytest.mark.parametrize(
    ("locale", "accepted", "language"),
    [("fr_CA", "de", "fr"), (None, "de-AT, en;q=0.4", "de"), ("???", "en", "en"), (None, "*", None), (5, None, None)],
)
def test_the_language_is_the_claims_or_the_headers(locale: Any, accepted: str | None, language: str | None) -> None:
    headers = {"Accept-Language": accepted} if accepted else {}
    assert value("language", exchange(headers, principal=replace(ANN, claims={"locale": locale}))) == language


@pytest.mark.parametrize("name", [*sorted(PERSONAL), "Email", "user.email", "address.locality", "profile.x.y"])
def test_claims_about_a_person_are_known_by_their_names(name: str) -> None:
    assert is_personal(f"claim:{name}")


def test_of_the_other_sources_the_subject_alone_is_personal() -> None:
    assert [source for source in (*PLAIN, "claim:plan", "claim:emailing") if is_personal(source)] == ["subject"]


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ("ann@acme.example", None),
        ("Ann Lee <ann@acme.example>", None),
        (["sales", "ann@acme.example"], None),
        ("@acme/docs", "@acme/docs"),
        ("5 @ 9.50", "5 @ 9.50"),
    ],
)
def test_an_address_under_an_innocent_name_is_told_only_where_it_is_meant(held: Any, told: Any) -> None:
    made = exchange(principal=replace(ANN, claims={"team": held}))
    assert value("claim:team", made) == told
    meant = getter("claim:team", PSEUDONYMS, personal=True)(made)
    assert meant == (tuple(held) if isinstance(held, list) else held)


@pytest.mark.parametrize("source", [*PLAIN, "claim:a", "claim:" + "a" * 256])
def test_sources_are_known_by_name(source: str) -> None:
    check_source(source)


@pytest.mark.parametrize("source", ["", "Tenant", "claim", "claim:", "claim:" + "a" * 257])
def test_anything_else_is_no_source(source: str) -> None:
    with pytest.raises(ValueError, match="claim"):
        check_source(source)
