"""Keys and tokens made for one test run."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

SHARED = "shared-" * 8


@cache
def private(name: str = "RSA") -> Any:
    if name == "RSA":
        return rsa.generate_private_key(65537, 2048)
    if name == "small":
        return rsa.generate_private_key(65537, 1024)
    if name == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}[name])


def algorithm(name: str) -> str:
    return {"RSA": "RS256", "small": "RS256", "P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}.get(name, "EdDSA")


def jwk(name: str = "RSA", **members: Any) -> dict[str, Any]:
    """The public JWK of a key, with members added, or taken away where None."""
    handler = jwt.get_algorithm_by_name(algorithm(name))
    made = {**json.loads(handler.to_jwk(private(name).public_key())), "kid": name, **members}
    made.pop("key_ops", None) if "key_ops" not in members else None
    return {member: value for member, value in made.items() if value is not None}


def pem(key: Any, password: bytes | None = None) -> bytes:
    """A private key as files hold it."""
    locked = BestAvailableEncryption(password) if password else NoEncryption()
    made: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
    return made


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def signed(
    header: dict[str, Any] | bytes, claims: dict[str, Any] | bytes, key: Any = SHARED, name: str = "HS256"
) -> str:
    """A token with exactly this header and these claims; bytes go in as they are."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)]
    message = ".".join(encoded(part) for part in parts)
    handler = jwt.get_algorithm_by_name(name)
    return f"{message}.{encoded(handler.sign(message.encode(), handler.prepare_key(key)))}"
