from __future__ import annotations

import hmac
import json
import subprocess
import sys
from typing import Any

import pytest

from kapagate.identity.key_sets import ALGORITHMS, PUBLIC, Declared, KeySet
from tests.identity.keys import SHARED, jwk


def key_set(*entries: Any, algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA")) -> KeySet:
    return KeySet.of_jwks({"keys": list(entries)}, algorithms)


def test_none_is_no_algorithm() -> None:
    assert "none" not in {name.lower() for name in ALGORITHMS}


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [("RSA", "RS256"), ("P-256", "ES256"), ("P-384", "ES384"), ("P-521", "ES512"), ("Ed25519", "EdDSA")],
)
def test_a_keys_type_decides_what_it_may_verify(name: str, algorithm: str) -> None:
    keys = key_set(jwk(name), algorithms=PUBLIC)
    fitting = {each for each in ALGORITHMS if keys.select(each, name)}
    assert algorithm in fitting
    assert all(each[:2] in {"RS", "PS"} for each in fitting) if name == "RSA" else fitting == {algorithm}


def test_only_declared_algorithms_are_verified() -> None:
    assert key_set(jwk("RSA"), algorithms=("RS256",)).select("PS256", "RSA") is None


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_private_keys_are_refused(member: str) -> None:
    with pytest.raises(ValueError, match=r"keys\[1\] \(RSA\) is private"):
        key_set(jwk("P-256"), jwk("RSA", **{member: "AQAB"}))


def test_symmetric_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="symmetric"):
        key_set(jwk("RSA"), {"kty": "oct"})


@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"},
        {"use": 5},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"alg": "RSA-OAEP"},
        {"alg": "PS512"},
        {"kty": "new"},
        {"kty": ["RSA"]},
    ],
)
def test_keys_for_other_things_are_passed_over(members: dict[str, Any]) -> None:
    keys = key_set(jwk("RSA", **members), jwk("P-256"))
    assert keys.select("RS256", "RSA") is None
    assert keys.select("ES256", "P-256")


@pytest.mark.parametrize("members", [{"use": "sig"}, {"key_ops": ["verify"]}, {"alg": "RS256"}])
def test_keys_that_say_they_verify_are_taken(members: dict[str, Any]) -> None:
    assert key_set(jwk("RSA", **members)).select("RS256", "RSA")


def test_a_set_without_a_usable_key_is_refused() -> None:
    with pytest.raises(ValueError, match="no key of the set can verify RS256"):
        key_set(jwk("P-256"), algorithms=("RS256",))


@pytest.mark.parametrize(
    "document", [{}, {"keys": {}}, {"keys": ["x"]}, {"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]}]
)
def test_broken_sets_are_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"key"):
        KeySet.of_jwks(document, ("RS256",))


def test_of_a_published_set_what_is_no_good_is_passed_over() -> None:
    entries = [jwk("RSA"), jwk("small"), {"kty": "new"}, 5, {"kty": "oct"}, {**jwk("P-256"), "d": "AQAB"}]
    keys = KeySet.published({"keys": entries}, ("RS256", "ES256"))
    assert len(keys) == 1
    assert keys.select("RS256", "RSA")
    assert [fault.split()[0] for fault in keys.faults] == ["keys[1]", "keys[3]", "keys[4]", "keys[5]"]


@pytest.mark.parametrize("document", [None, 5, [], {}, {"keys": 5}, {"keys": []}, {"keys": [{}] * 101}])
def test_a_published_set_without_keys_is_none(document: Any) -> None:
    with pytest.raises(ValueError, match="key"):
        KeySet.published(document, ("RS256",))


def test_of_published_keys_that_a_token_cannot_tell_apart_none_is_taken() -> None:
    keys = KeySet.published({"keys": [jwk("RSA", kid="a"), jwk("RSA", kid="a")]}, ("RS256",))
    assert keys.select("RS256", "a") is None


def test_a_set_has_all_of_another_when_no_key_left() -> None:
    one, two = key_set(jwk("RSA")), key_set(jwk("P-256"), jwk("RSA"))
    assert two.has_all_of(one)
    assert not one.has_all_of(two)
    assert not key_set(jwk("RSA", kid="new")).has_all_of(one)
    assert not key_set(jwk("RSA", alg="RS256"), algorithms=PUBLIC).has_all_of(key_set(jwk("RSA"), algorithms=PUBLIC))


async def test_keys_of_the_policy_are_a_source_that_never_changes() -> None:
    keys = key_set(jwk("RSA"))
    source = Declared(keys)
    assert await source.key_set() is await source.newer(keys) is keys
    assert source.revision() == 0


def test_short_rsa_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="2048"):
        key_set(jwk("small"))


def test_a_kid_that_is_no_text_is_refused() -> None:
    with pytest.raises(ValueError, match="kid is not a text"):
        key_set(jwk("RSA", kid=5))


def test_two_keys_that_a_token_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="two keys have the kid a"):
        key_set(jwk("RSA", kid="a"), jwk("RSA", kid="a"))
    assert key_set(jwk("RSA", kid="a"), jwk("P-256", kid="a")).select("ES256", "a")


def test_the_kid_selects() -> None:
    keys = key_set(jwk("RSA"), jwk("RSA", kid="new"))
    assert keys.select("RS256", "new") is not keys.select("RS256", "RSA")
    assert keys.select("RS256", "gone") is None


def test_without_a_kid_the_only_key_is_meant() -> None:
    assert key_set(jwk("RSA"), jwk("P-256")).select("RS256", None)
    assert key_set(jwk("RSA"), jwk("RSA", kid="new")).select("RS256", None) is None


def test_a_key_without_a_name_serves_every_kid() -> None:
    assert key_set(jwk("RSA", kid=None)).select("RS256", "any")


@pytest.mark.parametrize(("name", "least"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_shared_secret_is_as_long_as_its_hash(name: str, least: int) -> None:
    assert KeySet.of_secret("s" * least, [name]).select(name, "any kid")
    with pytest.raises(ValueError, match=f"at least {least} bytes"):
        KeySet.of_secret("s" * (least - 1), [name])


def test_a_shared_secret_verifies_nothing_else() -> None:
    with pytest.raises(ValueError, match="not RS256"):
        KeySet.of_secret(SHARED, ["RS256"])


PEM = "\n".join(["-----BEGIN " + "PUBLIC KEY-----", "A" * 64, "-----END " + "PUBLIC KEY-----"])


@pytest.mark.parametrize(
    "text", [PEM, "Bag\n" + PEM, "ssh-ed25519 " + "A" * 64, " ecdsa-sha2-nistp256 " + "A" * 64, json.dumps(jwk("RSA"))]
)
def test_a_public_key_is_no_shared_secret(text: str) -> None:
    with pytest.raises(ValueError, match="not a shared secret"):
        KeySet.of_secret(text, ["HS256"])


@pytest.mark.parametrize("name", ["HS256", "HS384", "HS512"])
def test_a_shared_secret_signs_as_the_standard_says(name: str) -> None:
    secret = "s" * 64
    key = KeySet.of_secret(secret, [name]).select(name, None)
    assert key is not None
    signed = hmac.new(secret.encode(), b"message", f"sha{name[2:]}").digest()
    assert key.holds(name, b"message", signed)
    assert not key.holds(name, b"message", signed[:-1])
    assert not key.holds(name, b"other", signed)


def test_a_shared_secret_needs_no_library_of_public_keys() -> None:
    """They are 14 MB that most gateways would hold for nothing."""
    program = "import sys; import kapagate.schemes.jwt; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in told.stdout.split()}
    assert not loaded & {"jwt", "cryptography"}
