"""The public keys that backends verify our tokens with."""

from __future__ import annotations

from typing import Any


class PublishedKeys:
    """Keys of one loaded policy, each once, in the order in which they were added."""

    def __init__(self) -> None:
        self._keys: dict[str, dict[str, Any]] = {}

    def add(self, jwk: dict[str, Any]) -> None:
        """`jwk` has its `kid`, which is its thumbprint."""
        self._keys[jwk["kid"]] = jwk

    def become(self, other: PublishedKeys) -> None:
        """The keys of another policy, and no others."""
        self._keys = other._keys

    def document(self) -> dict[str, Any]:
        """As a JWK Set (RFC 7517, 5)."""
        return {"keys": list(self._keys.values())}
