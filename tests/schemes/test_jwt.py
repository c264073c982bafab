from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from kapagate.chain import problems
from kapagate.chain.filter import Invalid
from kapagate.chain.principal import Principal
from kapagate.chain.problem import Problem
from kapagate.chain.scheme import Recogniser
from kapagate.chain.secret import Secret
from kapagate.identity.key_sets import KeySet, KeySets
from kapagate.schemes.jwt import Jwt
from tests.filters.exchanges import NOW, FakeClock, exchange, services
from tests.identity.keys import SHARED, jwk, private, signed

CLAIMS: dict[str, Any] = {
    "iss": "https://id.example",
    "aud": "docs",
    "sub": "ann",
    "exp": int(NOW) + 600,
    "org": "acme",
    "roles": ["viewer"],
    "sid": "s1",
}
OPTIONS: dict[str, Any] = {
    "issuer": "https://id.example",
    "audience": "docs",
    "algorithms": ["HS256"],
    "secret": Secret(SHARED),
    "claims": {"tenant": "org"},
}


URL = "https://id.example/jwks.json"
BY_URL: dict[str, Any] = {"algorithms": ["RS256"], "secret": None, "keys": URL}


class Turning:
    """Key sets of a provider: the first, and from the first look for newer ones on the last."""

    def __init__(self, *sets: KeySet) -> None:
        self.sets = list(sets)
        self.opened: list[tuple[str, tuple[str, ...], str | None]] = []
        self.looked = 0

    def open(self, url: str, algorithms: Sequence[str], ca_file: str | None) -> Turning:
        if "169.254" in url:
            raise ValueError("never asked")
        self.opened.append((url, tuple(algorithms), ca_file))
        return self

    def revision(self) -> int:
        return 7

    async def key_set(self) -> KeySet:
        if not self.sets:
            raise Problem(problems.IDENTITY_PROVIDER_UNAVAILABLE, "down", retry_after=30)
        return self.sets[0]

    async def newer(self, than: KeySet) -> KeySet:
        self.looked += 1
        return self.sets[-1]


def by_url(provider: Turning, **options: Any) -> Recogniser:
    given = {name: value for name, value in {**OPTIONS, **BY_URL, **options}.items() if value is not None}
    return Jwt.model_validate(given).compile(services().with_ports({KeySets: provider}))


def published(*names: str) -> KeySet:
    return KeySet.published({"keys": [jwk("RSA", kid=name) for name in names]}, ["RS256"])


def by_kid(kid: str) -> Any:
    return sent(signed({"alg": "RS256", "kid": kid}, CLAIMS, private("RSA"), "RS256"))


def compiled(clock: FakeClock | None = None, **options: Any) -> Recogniser:
    chosen = {name: value for name, value in {**OPTIONS, **options}.items() if value is not None}
    return Jwt.model_validate(chosen).compile(services(clock).with_ports({KeySets: Turning()}))


def token(**claims: Any) -> str:
    return signed({"alg": "HS256"}, {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None})


def sent(text: str) -> Any:
    return exchange({"Authorization": f"Bearer {text}"})


async def principal_of(recogniser: Recogniser, **claims: Any) -> Principal:
    principal = await recogniser.recognise(sent(token(**claims)))
    assert principal is not None
    return principal


async def refusal(recogniser: Recogniser, text: str) -> Problem:
    with pytest.raises(Problem) as caught:
        await recogniser.recognise(sent(text))
    return caught.value


async def test_a_token_stands_for_its_principal() -> None:
    assert await principal_of(compiled()) == Principal("ann", "acme", ("viewer",), "jwt", "s1", CLAIMS, CLAIMS["exp"])


async def test_public_keys_verify() -> None:
    options = {"algorithms": ["RS256"], "secret": None, "keys": {"keys": [jwk("RSA")]}}
    text = signed({"alg": "RS256", "kid": "RSA"}, CLAIMS, private("RSA"), "RS256")
    principal = await compiled(**options).recognise(sent(text))
    assert principal is not None
    assert principal.subject == "ann"
    as_text = {**options, "keys": json.dumps(options["keys"])}
    assert await compiled(**as_text).recognise(sent(text)) == principal


async def test_keys_may_come_from_a_url() -> None:
    provider = Turning(published("a"))
    recogniser = by_url(provider, ca_file="ca.pem")
    principal = await recogniser.recognise(by_kid("a"))
    assert principal is not None
    assert (principal.subject, provider.looked) == ("ann", 0)
    assert provider.opened == [(URL, ("RS256",), "ca.pem")]
    assert recogniser.revision is not None
    assert recogniser.revision() == 7


async def test_keys_of_the_policy_never_change() -> None:
    assert compiled().revision is None


async def test_a_key_that_is_not_there_is_looked_for_once() -> None:
    provider = Turning(published("a"), published("a", "b"))
    recogniser = by_url(provider)
    assert await recogniser.recognise(by_kid("b"))
    with pytest.raises(Problem) as caught:
        await recogniser.recognise(by_kid("c"))
    assert (caught.value.kind.name, provider.looked) == ("invalid-credentials", 2)


async def test_a_forged_signature_looks_for_no_key() -> None:
    provider = Turning(published("a"))
    forged = signed({"alg": "RS256", "kid": "a"}, {**CLAIMS, "sub": "eve"}, private("RSA"), "RS384")
    with pytest.raises(Problem):
        await by_url(provider).recognise(sent(forged))
    assert provider.looked == 0


async def test_without_the_providers_keys_nobody_is_called_a_liar() -> None:
    with pytest.raises(Problem) as caught:
        await by_url(Turning()).recognise(by_kid("a"))
    assert (caught.value.kind.name, caught.value.kind.status) == ("identity-provider-unavailable", 503)


async def test_other_peoples_tokens_ask_no_provider() -> None:
    other = signed({"alg": "RS256", "kid": "a"}, {**CLAIMS, "iss": "https://other.example"}, private("RSA"), "RS256")
    assert await by_url(Turning()).recognise(sent(other)) is None


@pytest.mark.parametrize(
    "options",
    [
        {"keys": "http://127.0.0.1:9/jwks"},
        {"keys": "http://localhost/jwks"},
        {"keys": "http://id.internal/jwks", "plain_http": ["ID.internal"]},
    ],
)
def test_plain_http_is_for_this_machine_and_for_hosts_that_are_named(options: dict[str, Any]) -> None:
    assert by_url(Turning(), **options).revision is not None


@pytest.mark.parametrize("text", ["", "abc", "_".join(["kg", "live", "x"]), "a.b.c", "a.b.c.d.e"])
async def test_what_is_no_token_is_not_its_own(text: str) -> None:
    assert await compiled().recognise(sent(text)) is None


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic YTpi"}, {"X-Api-Key": "a.b.c"}])
async def test_other_credentials_are_not_its_own(headers: dict[str, str]) -> None:
    assert await compiled().recognise(exchange(headers)) is None


@pytest.mark.parametrize("change", [{"iss": "https://other.example"}, {"aud": "other"}])
async def test_tokens_for_another_scheme_are_not_its_own(change: dict[str, str]) -> None:
    assert await compiled().recognise(sent(token(**change))) is None


async def test_a_forged_token_is_refused_without_a_reason() -> None:
    problem = await refusal(compiled(), signed({"alg": "HS256"}, CLAIMS, "forged-" * 8))
    assert (problem.kind.name, problem.detail) == ("invalid-credentials", "the token is not valid")
    assert problem.challenges == ('Bearer realm="kapagate", error="invalid_token"',)


async def test_the_reason_is_logged_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    forged = signed({"alg": "HS256"}, CLAIMS, "forged-" * 8)
    await refusal(compiled(), forged)
    assert caplog.messages == ["a token of https://id.example was refused: the signature does not hold"]


async def test_an_expired_token_says_so() -> None:
    assert (await refusal(compiled(), token(exp=NOW - 31))).detail == "the token has expired"


@pytest.mark.parametrize("claims", [{"exp": None}, {"sub": None}, {"sub": ""}, {"sub": 5}, {"nbf": NOW + 31}])
async def test_tokens_without_subject_or_time_are_refused(claims: dict[str, Any]) -> None:
    assert (await refusal(compiled(), token(**claims))).detail == "the token is not valid"


async def test_the_leeway_is_the_policys() -> None:
    assert await principal_of(compiled(leeway="60s"), exp=NOW - 59)
    await refusal(compiled(leeway="0s"), token(exp=NOW))


async def test_a_principal_holds_as_long_as_its_token() -> None:
    recogniser = compiled()
    assert recogniser.steady
    assert (await principal_of(recogniser)).expires == CLAIMS["exp"]


async def test_claims_may_have_other_names_and_stand_deeper() -> None:
    names = {"tenant": "ext.org", "roles": "realm.roles", "subject": "uid", "session": "session.id"}
    claims = {"ext": {"org": "globex"}, "realm": {"roles": "viewer operator"}, "uid": "u7", "session": {"id": "s7"}}
    principal = await principal_of(compiled(claims=names), **claims)
    expected = Principal("u7", "globex", ("viewer", "operator"), "jwt", "s7", principal.claims, principal.expires)
    assert principal == expected


@pytest.mark.parametrize(("org", "tenant"), [("acme", "acme"), (None, "fallback"), (5, ""), ("", "")])
async def test_a_literal_tenant_is_for_tokens_without_the_claim(org: Any, tenant: str) -> None:
    assert (await principal_of(compiled(tenant="fallback"), org=org)).tenant == tenant


async def test_without_claim_and_literal_there_is_no_tenant() -> None:
    assert (await principal_of(compiled(), org=None)).tenant == ""


async def test_a_literal_tenant_alone_is_enough() -> None:
    assert (await principal_of(compiled(claims={}, tenant="acme"), org="globex")).tenant == "acme"


async def test_an_issuer_names_only_the_tenants_that_it_may() -> None:
    recogniser = compiled(tenants=["acme"])
    assert (await principal_of(recogniser)).tenant == "acme"
    assert (await principal_of(recogniser, org="globex")).tenant == ""


async def test_several_audiences_may_be_meant() -> None:
    assert await principal_of(compiled(audience=["docs", "help"]), aud="help")


@pytest.mark.parametrize(
    ("options", "at"),
    [
        ({"secret": None}, ("algorithms",)),
        ({"secret": Secret("short")}, ("secret",)),
        ({"algorithms": ["HS512"], "secret": Secret("s" * 63)}, ("secret",)),
        ({"algorithms": ["HS256", "RS256"]}, ("algorithms",)),
        ({"keys": {"keys": []}}, ("keys",)),
        ({"algorithms": ["RS256"], "secret": None}, ("algorithms",)),
        ({"algorithms": ["RS256"], "secret": None, "keys": {"keys": []}}, ("keys",)),
        ({"algorithms": ["RS256"], "keys": {"keys": [jwk("RSA")]}}, ("secret",)),
        ({"claims": {}}, ()),
        ({"audience": ["docs", ""]}, ()),
        ({"keys": URL}, ("keys",)),
        ({**BY_URL, "keys": "http://id.example/jwks.json"}, ("keys",)),
        ({**BY_URL, "keys": "https://169.254.169.254/jwks.json"}, ("keys",)),
    ],
)
def test_declarations_that_cannot_work_are_refused(options: dict[str, Any], at: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as caught:
        compiled(**options)
    assert caught.value.at == at


@pytest.mark.parametrize(
    "options",
    [
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"audience": ""},
        {"audience": []},
        {"issuer": ""},
        {"leeway": "61s"},
        {"keys": "id.example/jwks.json"},
        {"keys": "https://"},
        {"keys": "https://id.example:0/"},
        {"keys": "https://ann:pass@id.example/"},
        {"keys": "https://id.example/jwks.json#keys"},
        {"keys": "https://id.example/jw ks.json"},
        {"secret": SHARED},
        {"claims": {"tennant": "org"}},
    ],
)
def test_loose_or_misspelt_declarations_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Jwt.model_validate({**OPTIONS, **options})
