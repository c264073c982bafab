from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.identity.key_sets import PUBLIC, KeySet
from kapagate.identity.tokens import Expected, Rejected, addressed_to, is_token, verify
from tests.filters.exchanges import NOW
from tests.identity.keys import SHARED, algorithm, encoded, jwk, private, signed

HEADER = {"alg": "HS256", "typ": "JWT"}
CLAIMS = {"iss": "https://id.example", "aud": "docs", "sub": "ann", "exp": int(NOW) + 60}
EXPECTED = Expected("https://id.example", frozenset({"docs"}), frozenset({"HS256"}), 30.0)
KEYS = KeySet.of_secret(SHARED, ["HS256"])
URL_SAFE = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


def checked(header: Any = None, claims: Any = None, now: float = NOW) -> dict[str, Any]:
    return verify(
        signed(HEADER if header is None else header, CLAIMS if claims is None else claims), EXPECTED, KEYS, now
    )


def rejection(header: Any = None, claims: Any = None, now: float = NOW) -> Rejected:
    with pytest.raises(Rejected) as caught:
        checked(header, claims, now)
    return caught.value


def test_a_good_token_gives_its_claims() -> None:
    assert checked() == CLAIMS


@pytest.mark.parametrize("name", ["RSA", "P-256", "P-384", "P-521", "Ed25519"])
def test_public_keys_verify_their_algorithm(name: str) -> None:
    expected = Expected("https://id.example", frozenset({"docs"}), frozenset(PUBLIC))
    keys = KeySet.of_jwks({"keys": [jwk(each) for each in ("RSA", "P-256", "P-384", "P-521", "Ed25519")]}, PUBLIC)
    token = signed({"alg": algorithm(name), "kid": name}, CLAIMS, private(name), algorithm(name))
    assert verify(token, expected, keys, NOW) == CLAIMS


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, 5, ["HS256"], "HS512", "RS256"])
def test_algorithms_that_are_not_declared_are_refused(alg: Any) -> None:
    assert "algorithm" in str(rejection({"alg": alg}))


def test_an_unsigned_token_is_refused() -> None:
    token = f"{encoded(json.dumps({'alg': 'none'}).encode())}.{encoded(json.dumps(CLAIMS).encode())}."
    with pytest.raises(Rejected):
        verify(token, EXPECTED, KEYS, NOW)


def test_a_public_key_never_serves_as_a_shared_secret() -> None:
    expected = Expected("https://id.example", frozenset({"docs"}), frozenset({"RS256"}))
    keys = KeySet.of_jwks({"keys": [jwk("RSA")]}, ["RS256"])
    token = signed({"alg": "HS256", "kid": "RSA"}, CLAIMS, jwk("RSA")["n"])
    with pytest.raises(Rejected, match="algorithm"):
        verify(token, expected, keys, NOW)


def test_another_key_is_refused() -> None:
    with pytest.raises(Rejected, match="signature"):
        verify(signed(HEADER, CLAIMS, "other-" * 8), EXPECTED, KEYS, NOW)


@given(st.integers(min_value=0), st.characters(codec="ascii"))
def test_a_changed_character_is_refused(place: int, character: str) -> None:
    token = signed(HEADER, CLAIMS)
    place %= token.rindex(".")
    changed = token[:place] + character + token[place + 1 :]
    if changed != token:
        with pytest.raises(Rejected):
            verify(changed, EXPECTED, KEYS, NOW)


def test_a_signature_has_one_spelling() -> None:
    """The last character of 32 bytes in base64 has two bits that say nothing."""
    token = signed(HEADER, CLAIMS)
    last = URL_SAFE.index(token[-1])
    for twin in set(range(last & ~3, (last & ~3) + 4)) - {last}:
        with pytest.raises(Rejected):
            verify(token[:-1] + URL_SAFE[twin], EXPECTED, KEYS, NOW)


@pytest.mark.parametrize("member", [{"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"b64": True}])
def test_critical_parameters_are_refused(member: dict[str, Any]) -> None:
    assert "critical" in str(rejection({**HEADER, **member}))


@pytest.mark.parametrize("typ", ["logout+jwt", "secevent+jwt", "dpop+jwt", 5, ""])
def test_other_kinds_of_tokens_are_refused(typ: Any) -> None:
    assert "typ" in str(rejection({**HEADER, "typ": typ}))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+JWT"])
def test_access_tokens_are_accepted(typ: str) -> None:
    assert checked({**HEADER, "typ": typ})


@pytest.mark.parametrize("kid", [5, ["a"], {}])
def test_a_kid_that_is_no_text_is_refused(kid: Any) -> None:
    assert "kid" in str(rejection({**HEADER, "kid": kid}))


def test_keys_that_the_token_brings_along_are_not_looked_at() -> None:
    header = {"alg": "RS256", "jwk": jwk("RSA"), "jku": "https://evil.example/jwks.json", "kid": "RSA"}
    expected = Expected("https://id.example", frozenset({"docs"}), frozenset({"RS256"}))
    keys = KeySet.of_jwks({"keys": [jwk("RSA", kid="ours")]}, ["RS256"])
    with pytest.raises(Rejected, match="no key fits"):
        verify(signed(header, CLAIMS, private("RSA"), "RS256"), expected, keys, NOW)


@pytest.mark.parametrize("issuer", ["https://id.example/", "https://evil.example", None, ["https://id.example"]])
def test_another_issuer_is_refused(issuer: Any) -> None:
    assert "issuer" in str(rejection(claims={**CLAIMS, "iss": issuer}))


@pytest.mark.parametrize("audience", ["other", [], ["other"], None, {"docs": 1}, 5, [["docs"]], "doc"])
def test_another_audience_is_refused(audience: Any) -> None:
    assert "audience" in str(rejection(claims={**CLAIMS, "aud": audience}))


def test_one_audience_of_several_is_enough() -> None:
    assert checked(claims={**CLAIMS, "aud": ["other", "docs"]})


def test_an_expired_token_says_so() -> None:
    assert checked(now=CLAIMS["exp"] + 29.9)
    assert rejection(now=CLAIMS["exp"] + 30).expired


def test_exp_is_required() -> None:
    rejected = rejection(claims={name: value for name, value in CLAIMS.items() if name != "exp"})
    assert "exp is missing" in str(rejected)
    assert not rejected.expired


@pytest.mark.parametrize("value", [True, "1800000060", None, -1, 10**18, [1]])
@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_times_that_are_no_times_are_refused(name: str, value: Any) -> None:
    assert f"{name} is" in str(rejection(claims={**CLAIMS, name: value}))


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_tokens_from_the_future_are_refused(name: str) -> None:
    assert checked(claims={**CLAIMS, name: NOW + 30})
    assert f"{name} is in the future" in str(rejection(claims={**CLAIMS, name: NOW + 30.5}))


@pytest.mark.parametrize(
    "claims",
    [
        b'{"iss":"https://id.example","aud":"docs","exp":1e999}',
        b'{"iss":"https://id.example","aud":"docs","exp":NaN}',
        b'{"iss":"https://evil.example","iss":"https://id.example","aud":"docs","exp":1800000060}',
        b'{"iss":"https://id.example","aud":"docs","exp":1800000060,"sub":"\\ud800"}',
        b'{"iss":"https://id.example","aud":"docs","exp":1800000060,"x":' + b"[" * 3000 + b"]" * 3000 + b"}",
        b'{"iss":"https://id.example","aud":"docs","exp":1800000060,"x":"\xff"}',
        b"[]",
        b"",
        b"7",
    ],
)
def test_json_that_can_be_read_in_two_ways_is_refused(claims: bytes) -> None:
    rejection(claims=claims)


def test_a_doubled_algorithm_is_refused() -> None:
    rejection(b'{"alg":"none","alg":"HS256"}')


def test_a_long_token_is_refused_unread() -> None:
    assert not is_token(signed(HEADER, {**CLAIMS, "x": "y" * 8192}))


@pytest.mark.parametrize("text", ["", "a.b", "a..c", "a.b.c.d.e", "a.b.c=", "a.b.c\n", "a b.c.d", "ä.b.c"])
def test_what_is_not_three_parts_is_no_token(text: str) -> None:
    assert not is_token(text)


@given(st.text(max_size=60))
def test_no_text_breaks_the_verifier(text: str) -> None:
    with pytest.raises(Rejected):
        verify(text, EXPECTED, KEYS, NOW)


def test_whose_token_it_claims_to_be() -> None:
    assert addressed_to(signed(HEADER, CLAIMS), EXPECTED)
    assert not addressed_to(signed(HEADER, {**CLAIMS, "iss": "other"}), EXPECTED)
    assert not addressed_to(signed(HEADER, {**CLAIMS, "aud": "other"}), EXPECTED)
    assert not addressed_to("a.b.c", EXPECTED)


@pytest.mark.parametrize(
    ("issuer", "audiences", "algorithms", "leeway"),
    [
        ("", {"docs"}, {"HS256"}, 0.0),
        ("i", set(), {"HS256"}, 0.0),
        ("i", {""}, {"HS256"}, 0.0),
        ("i", {"docs"}, set(), 0.0),
        ("i", {"docs"}, {"none"}, 0.0),
        ("i", {"docs"}, {"HS256"}, 61.0),
        ("i", {"docs"}, {"HS256"}, -1.0),
    ],
)
def test_loose_expectations_are_refused(issuer: str, audiences: set[str], algorithms: set[str], leeway: float) -> None:
    with pytest.raises(ValueError, match=r"required|some of|at most"):
        Expected(issuer, frozenset(audiences), frozenset(algorithms), leeway)
