from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448

from kapagate.identity.key_sets import PUBLIC, KeySet
from kapagate.identity.public_keys import thumbprint
from kapagate.identity.signing import SigningKey
from kapagate.identity.tokens import Expected, verify
from tests.filters.exchanges import NOW
from tests.identity.keys import algorithm, jwk, pem, private

CLAIMS: dict[str, Any] = {"iss": "gateway", "aud": "crm", "sub": "x", "exp": int(NOW) + 60, "roles": ["a"], "né": "ü"}


@pytest.mark.parametrize("name", ["Ed25519", "P-256", "P-384", "P-521", "RSA"])
def test_what_it_signs_is_verified_with_what_it_publishes(name: str) -> None:
    key = SigningKey(pem(private(name)))
    assert key.algorithm == algorithm(name)
    keys = KeySet.of_jwks({"keys": [key.jwk]}, PUBLIC)
    assert keys.select(key.algorithm, key.kid)
    token = key.sign(CLAIMS).decode()
    assert verify(token, Expected("gateway", frozenset({"crm"}), frozenset(PUBLIC)), keys, NOW) == CLAIMS


@pytest.mark.parametrize("name", ["Ed25519", "P-256", "RSA"])
def test_the_public_half_alone_is_published_under_its_thumbprint(name: str) -> None:
    key = SigningKey(pem(private(name)))
    assert key.kid == thumbprint(jwk(name)) == key.jwk["kid"]
    assert key.jwk == {**jwk(name), "kid": key.kid, "use": "sig", "alg": algorithm(name)}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "private key in PEM"),
        (b"secret " * 8, "private key in PEM"),
        (pem(private("RSA"), password=b"pass"), "private key in PEM"),
        (pem(private("small")), "1024 bits"),
        (pem(ec.generate_private_key(ec.SECP256K1())), "none of Ed25519"),
        (pem(ed448.Ed448PrivateKey.generate()), "none of Ed25519"),
    ],
)
def test_keys_that_few_could_verify_are_refused(text: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SigningKey(text)
