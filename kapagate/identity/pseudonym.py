"""What stands for a person outside: stable, and meaningless without the key."""

from __future__ import annotations

import hmac

_LEAST_KEY = 32
_LENGTH = 16
_MOST_KNOWN = 8192


class Pseudonyms:
    """HMAC-SHA-256 names, cut to 128 bits, as 32 hexadecimal digits.

    The tenant's length goes in before it, so no two pairs share an input; each use has its own label, so a session's
    name never equals a subject's. Raises ValueError when the key has less than 32 bytes.
    """

    __slots__ = ("_key", "_known")

    def __init__(self, key: bytes) -> None:
        if len(key) < _LEAST_KEY:
            raise ValueError(f"the key of pseudonyms needs at least {_LEAST_KEY} bytes")
        self._key = key
        self._known: dict[tuple[bytes, str, str], str] = {}

    def of(self, tenant: str, subject: str) -> str:
        """The pseudonym of a subject within a tenant."""
        return self._name(b"subject", tenant, subject)

    def session(self, tenant: str, sid: str) -> str:
        """The pseudonym of a session within a tenant."""
        return self._name(b"session", tenant, sid)

    def seal(self, tenant: str, subject: str, name: str) -> str:
        """What proves that a name was given to a subject; whoever has it cannot make that of another."""
        return self._name(b"seal", tenant, f"{len(subject)}:{subject}{name}")

    def _name(self, purpose: bytes, tenant: str, name: str) -> str:
        known = self._known.get((purpose, tenant, name))
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[purpose, tenant, name] = self._made(purpose, tenant, name)
        return known

    def _made(self, purpose: bytes, tenant: str, name: str) -> str:
        owner = tenant.encode("utf-8", "surrogatepass")
        message = b"kapagate %b\0%d:%b%b" % (purpose, len(owner), owner, name.encode("utf-8", "surrogatepass"))
        return hmac.digest(self._key, message, "sha256")[:_LENGTH].hex()
