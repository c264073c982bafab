"""Keys of ours that sign short-lived tokens for backends (RFC 7515, RFC 7519), and what others verify them with.

The key's type decides the algorithm: Ed25519 EdDSA, a P curve its one ES*, RSA RS256. `kid` is the public key's
thumbprint (RFC 7638), so that it never has to be chosen and never names two keys.
"""

from __future__ import annotations

import base64
from typing import Any

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt import get_algorithm_by_name

from kapagate.identity.public_keys import thumbprint

_BY_CURVE = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_LEAST_RSA_BITS = 2048


class SigningKey:
    """A private key. `jwk` is its public half, as it is published (RFC 7517, 4)."""

    def __init__(self, pem: bytes) -> None:
        """Raises ValueError for what is no PEM of an unencrypted private key that signs."""
        try:
            self._private: Any = load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("expected a private key in PEM without a password: Ed25519, P-256 or RSA") from None
        self.algorithm = _algorithm(self._private)
        self._signer: Any = get_algorithm_by_name(self.algorithm)
        public = self._signer.to_jwk(self._private.public_key(), as_dict=True)
        self.kid = thumbprint(public)
        public.pop("key_ops", None)
        self.jwk = {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}
        header = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT"}
        self._header = _encoded(orjson.dumps(header)) + b"."

    def sign(self, claims: dict[str, Any]) -> bytes:
        """A token in its compact form (RFC 7515, 7.1)."""
        message = self._header + _encoded(orjson.dumps(claims))
        return message + b"." + _encoded(self._signer.sign(message, self._private))


def _algorithm(private: Any) -> str:
    """Raises ValueError for keys that are too short or of a kind that few can verify."""
    if isinstance(private, Ed25519PrivateKey):
        return "EdDSA"
    if isinstance(private, EllipticCurvePrivateKey) and private.curve.name in _BY_CURVE:
        return _BY_CURVE[private.curve.name]
    if isinstance(private, RSAPrivateKey):
        if private.key_size < _LEAST_RSA_BITS:
            raise ValueError(f"the key has {private.key_size} bits, RSA needs {_LEAST_RSA_BITS}")
        return "RS256"
    raise ValueError("the key is none of Ed25519, P-256, P-384, P-521 and RSA")


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
