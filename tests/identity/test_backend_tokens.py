from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kapagate.chain.exchange import Exchange
from kapagate.chain.principal import Principal, Tenant
from kapagate.chain.upstream import Upstream
from kapagate.identity.backend_tokens import BackendTokens
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.identity.sources import getter
from tests.filters.exchanges import CHAT, NOW, FakeClock, exchange

PSEUDONYMS = Pseudonyms(b"p" * 32)
NOTHING: Any = None
CRM, ERP = Upstream("crm", NOTHING, NOTHING), Upstream("erp", NOTHING, NOTHING)
ACME = Tenant("acme")
ANN = Principal("ann", "acme", ("viewer", "operator"), expires=NOW + 1000)


class Minted:
    """A signer that shows what it signed."""

    def __init__(self, clock: FakeClock | None = None, **more: Any) -> None:
        self.claims: list[dict[str, Any]] = []
        given: dict[str, Any] = {
            "header": "Authorization",
            "issuer": "gateway",
            "audience": None,
            "lifetime": 60.0,
            "subject": getter("pseudonym", PSEUDONYMS),
            "claims": tuple((name, getter(name, PSEUDONYMS)) for name in ("tenant", "roles", "session")),
            "clock": clock or FakeClock(),
            **more,
        }
        self.tokens = BackendTokens(self.sign, **given)

    def sign(self, claims: dict[str, Any]) -> bytes:
        self.claims.append(claims)
        return b"token-%d" % len(self.claims)

    def field(self, principal: Principal = ANN, upstream: Upstream = CRM, tenant: Tenant = ACME) -> Any:
        return self.tokens.field(call(principal, upstream, tenant))


def call(principal: Principal, upstream: Upstream = CRM, tenant: Tenant = ACME) -> Exchange:
    return exchange(principal=principal, tenant=tenant, route=replace(CHAT, upstream=upstream))


def fresh(**more: Any) -> Principal:
    return replace(ANN, **more)


def test_a_token_says_who_asks_for_whom_and_until_when() -> None:
    minted = Minted()
    assert minted.field(fresh()) == {b"authorization": b"Bearer token-1"}
    assert minted.claims == [
        {
            "iss": "gateway",
            "sub": PSEUDONYMS.of("acme", "ann"),
            "aud": "crm",
            "iat": int(NOW),
            "exp": int(NOW) + 60,
            "tenant": "acme",
            "roles": ("viewer", "operator"),
        }
    ]


def test_in_another_field_it_stands_alone() -> None:
    assert Minted(header="X-Kapagate-Token").field(fresh()) == {b"x-kapagate-token": b"token-1"}


def test_it_is_for_one_upstream_or_for_whom_the_policy_names() -> None:
    minted, named = Minted(), Minted(audience="backends")
    ann = fresh()
    assert [minted.field(ann, upstream) for upstream in (CRM, ERP, CRM)] == [
        {b"authorization": b"Bearer token-%d" % number} for number in (1, 2, 1)
    ]
    named.field(fresh())
    assert [each["aud"] for each in (*minted.claims, *named.claims)] == ["crm", "erp", "backends"]


def test_it_is_kept_for_half_of_its_life() -> None:
    clock = FakeClock()
    minted, ann = Minted(clock), fresh()
    for seconds in (0, 29, 1, 29):
        clock.pass_by(seconds)
        minted.field(ann)
    assert [each["iat"] for each in minted.claims] == [int(NOW), int(NOW) + 30]


def test_it_is_of_one_caller_and_tenant() -> None:
    minted, ann = Minted(), fresh()
    minted.field(ann)
    minted.field(ann, tenant=Tenant("globex"))
    minted.field(fresh(subject="bob"))
    assert len({(each["sub"], each["tenant"]) for each in minted.claims}) == 3


@pytest.mark.parametrize(("expires", "holds"), [(NOW + 1000, 60), (NOW + 20, 20), (NOW - 5, 1), (float("inf"), 60)])
def test_it_never_outlives_the_callers_own_credential(expires: float, holds: int) -> None:
    minted = Minted()
    minted.field(fresh(expires=expires))
    assert minted.claims[0]["exp"] - int(NOW) == holds


def test_two_declarations_keep_their_own() -> None:
    ann, one, two = fresh(), Minted(), Minted()
    one.field(ann)
    two.field(ann)
    assert (len(one.claims), len(two.claims)) == (1, 1)
