from __future__ import annotations

from typing import Any

import jwt
import pytest

from kapagate.identity.public_keys import read, thumbprint
from tests.identity.keys import algorithm, jwk, private

MESSAGE = b"header.payload"
NAMES = ("RSA", "P-256", "P-384", "P-521", "Ed25519")


def signature(name: str, message: bytes = MESSAGE) -> bytes:
    handler: Any = jwt.get_algorithm_by_name(algorithm(name))
    signed: bytes = handler.sign(message, private(name))
    return signed


@pytest.mark.parametrize("name", NAMES)
def test_only_the_keys_own_signature_of_just_this_message_holds(name: str) -> None:
    holds = read(jwk(name), [algorithm(name)])
    good = signature(name)
    assert holds(algorithm(name), MESSAGE, good)
    assert not holds(algorithm(name), MESSAGE + b".", good)
    assert not holds(algorithm(name), MESSAGE, good[:-1])
    assert not holds(algorithm(name), MESSAGE, b"")
    assert not holds(algorithm(name), MESSAGE, bytes(len(good)))


def test_a_signature_of_one_algorithm_is_none_of_another() -> None:
    holds = read(jwk("RSA"), ["RS256", "PS256", "RS512"])
    assert holds("RS256", MESSAGE, signature("RSA"))
    assert not holds("PS256", MESSAGE, signature("RSA"))
    assert not holds("RS512", MESSAGE, signature("RSA"))


@pytest.mark.parametrize("members", [{"n": "!"}, {"n": None}, {"e": 5}, {"e": ""}])
def test_a_broken_key_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is broken"):
        read(jwk("RSA", **members), ["RS256"])


def test_a_point_that_is_not_on_its_curve_is_refused() -> None:
    with pytest.raises(ValueError, match="is broken"):
        read(jwk("P-256", x=jwk("P-256")["y"]), ["ES256"])


def test_short_rsa_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="1024 bits, RSA needs 2048"):
        read(jwk("small"), ["RS256"])


def test_a_thumbprint_is_what_the_standard_says() -> None:
    """The key and its thumbprint of RFC 8037, A.2 and A.3."""
    point = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    key = {"kty": "OKP", "crv": "Ed25519", "x": point, "kid": "any", "use": "sig"}
    assert thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("name", NAMES)
def test_a_thumbprint_is_of_the_key_alone(name: str) -> None:
    assert thumbprint(jwk(name)) == thumbprint(jwk(name, kid="other", use="sig", alg=algorithm(name)))
    assert len({thumbprint(jwk(each)) for each in NAMES}) == len(NAMES)
