"""Public keys: JSON Web Keys as PyJWT reads them, and the signatures that hold under them (RFC 7517, RFC 7518)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from jwt import get_algorithm_by_name
from jwt.exceptions import PyJWTError

if TYPE_CHECKING:
    from kapagate.identity.key_sets import Holds

_LEAST_RSA_BITS = 2048
_REQUIRED = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


def read(entry: Mapping[str, Any], algorithms: Iterable[str]) -> Holds:
    """What a public JWK says of signatures; `algorithms` are those that its type can verify, at least one.

    Raises ValueError with the rest of a sentence that the key begins.
    """
    able = {name: get_algorithm_by_name(name) for name in algorithms}
    try:
        material: Any = next(iter(able.values())).from_jwk(dict(entry))
    except (PyJWTError, ValueError, TypeError) as cause:
        raise ValueError(f"is broken: {cause}") from cause
    if entry["kty"] == "RSA" and material.key_size < _LEAST_RSA_BITS:
        raise ValueError(f"has {material.key_size} bits, RSA needs {_LEAST_RSA_BITS}")

    def holds(algorithm: str, message: bytes, signature: bytes) -> bool:
        return able[algorithm].verify(message, material, signature)

    return holds


def thumbprint(entry: Mapping[str, Any]) -> str:
    """The SHA-256 thumbprint of a public JWK (RFC 7638; RFC 8037, 2), in base64url."""
    members = {name: entry[name] for name in _REQUIRED[entry["kty"]]}
    said = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(said.encode()).digest()).rstrip(b"=").decode()
