"""Names that a stranger gave out, bound to whom they were given: `name.seal`. Nothing has to be remembered."""

from __future__ import annotations

import hmac
from re import compile as pattern

from kapagate.chain.principal import Principal
from kapagate.identity.pseudonym import Pseudonyms

_NAME = pattern(rb"[!-~]{1,512}")


class Seals:
    """Seals for one purpose, under the key of pseudonyms; what is sealed for one is nothing for another."""

    __slots__ = ("_pseudonyms", "_purpose")

    def __init__(self, pseudonyms: Pseudonyms, purpose: str) -> None:
        self._pseudonyms = pseudonyms
        self._purpose = purpose

    def sealed(self, principal: Principal, name: bytes) -> bytes | None:
        """The name as its owner is told it; None for one that is no visible ASCII, or too long."""
        return b"%b.%b" % (name, self._seal(principal, name)) if _NAME.fullmatch(name) else None

    def opened(self, principal: Principal, sealed: bytes) -> bytes | None:
        """The name; None when it was not given to this principal."""
        name, _, seal = sealed.rpartition(b".")
        if not _NAME.fullmatch(name) or not hmac.compare_digest(seal, self._seal(principal, name)):
            return None
        return name

    def _seal(self, principal: Principal, name: bytes) -> bytes:
        said = f"{self._purpose} {name.decode('ascii')}"
        return self._pseudonyms.seal(principal.tenant, principal.subject, said).encode("ascii")
