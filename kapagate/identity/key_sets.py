"""Key sets: what a token's signature may be checked with, each key bound to its algorithms (RFC 7517; RFC 8725, 3.1).

A key's type decides what it may verify: RSA keys RS* and PS*, a curve its one ES*, an Edwards curve EdDSA, a shared
secret HS*. So no token can turn a public key into a shared secret by naming another algorithm.

HMAC is in the standard library. What public keys need (`public_keys`) is 14 MB of memory and is loaded with the first
set of them.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

SHARED = {"HS256": 32, "HS384": 48, "HS512": 64}  # least bytes of the secret (RFC 7518, 3.2)
_BY_TYPE = {
    ("RSA", ""): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
    ("OKP", "Ed448"): ("EdDSA",),
}
PUBLIC = tuple(dict.fromkeys(name for names in _BY_TYPE.values() for name in names))
ALGORITHMS = (*SHARED, *PUBLIC)
MOST_KEYS = 100
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_PUBLIC_TEXT = re.compile(rb'-----BEGIN [A-Z0-9 ]+-----|\A\s*(?:ssh-|ecdsa-sha2-|\{\s*"(?:kty|keys)")')

Holds = Callable[[str, bytes, bytes], bool]
"""Whether a signature holds: algorithm, message, signature. The algorithm is one of the key's own."""


class VerifyingKey(Struct, frozen=True, eq=False):
    """One key and the algorithms that it may verify. A public one is told apart by its `thumbprint` (RFC 7638)."""

    kid: str | None
    algorithms: frozenset[str]
    holds: Holds
    thumbprint: str = ""

    @property
    def known_by(self) -> tuple[str | None, frozenset[str], str]:
        """What it has in common with itself when it is read again."""
        return self.kid, self.algorithms, self.thumbprint


class KeySet:
    """The keys of one issuer. `faults` are sentences about keys that were passed over although they should work."""

    def __init__(self, keys: Sequence[VerifyingKey], faults: Sequence[str] = ()) -> None:
        self._keys = tuple(keys)
        self.faults = tuple(faults)

    def __len__(self) -> int:
        return len(self._keys)

    def has_all_of(self, other: KeySet) -> bool:
        """Whether every key of the other is here, so that what was verified with it still would be."""
        return {key.known_by for key in other._keys} <= {key.known_by for key in self._keys}

    def select(self, algorithm: str, kid: str | None) -> VerifyingKey | None:
        """The one key that fits; None when none does, or when several do and the token does not say which.

        A key without a name serves tokens that name one which nobody has.
        """
        able = [key for key in self._keys if algorithm in key.algorithms]
        fitting = [key for key in able if key.kid == kid] or [key for key in able if None in (kid, key.kid)]
        return fitting[0] if len(fitting) == 1 else None

    @classmethod
    def of_secret(cls, secret: str, algorithms: Sequence[str]) -> KeySet:
        """A shared secret for HS* tokens. Raises ValueError."""
        material = secret.encode("utf-8")
        for name in algorithms:
            if name not in SHARED:
                raise ValueError(f"a shared secret verifies HS256, HS384 and HS512, not {name}")
            if len(material) < SHARED[name]:
                raise ValueError(
                    f"{name} needs a secret of at least {SHARED[name]} bytes, this one has {len(material)}"
                )
        if _PUBLIC_TEXT.search(material):
            raise ValueError("this is a public key or a certificate, not a shared secret")
        return cls([VerifyingKey(None, frozenset(algorithms), _shared(material))])

    @classmethod
    def of_jwks(cls, document: Mapping[str, Any], algorithms: Sequence[str]) -> KeySet:
        """The usable keys of a parsed JWK Set (RFC 7517, 5), for the declared algorithms only.

        Keys of unknown types, for encryption or for other algorithms are passed over. Raises ValueError for private
        and symmetric keys, broken ones, two that a token could not tell apart, and when no key is left.
        """
        found = [_key(entry, index, frozenset(algorithms)) for index, entry in enumerate(_entries(document))]
        keys = [key for key in found if key is not None]
        if not keys:
            raise ValueError(f"no key of the set can verify {', '.join(algorithms)}")
        _refuse_twins(keys)
        return cls(keys)

    @classmethod
    def published(cls, document: Any, algorithms: Sequence[str]) -> KeySet:
        """As `of_jwks`, for what a provider publishes: keys that are no good are passed over (RFC 7517, 5), and of
        those that a token cannot tell apart none is selected. Raises ValueError; also for more than 100 keys.
        """
        keys, faults = [], []
        entries = _entries(document)
        if len(entries) > MOST_KEYS:
            raise ValueError(f"the set has {len(entries)} keys, at most {MOST_KEYS} are read")
        for index, entry in enumerate(entries):
            try:
                key = _key(entry, index, frozenset(algorithms))
            except ValueError as cause:
                faults.append(str(cause))
            else:
                keys += [key] if key else []
        if not keys:
            raise ValueError("; ".join([f"no key of the set can verify {', '.join(algorithms)}", *faults[:3]]))
        return cls(keys, faults)


class KeySource(Protocol):
    """The keys of one issuer over time. `revision` is another number when a key that was there before no longer is."""

    def revision(self) -> int: ...

    async def key_set(self) -> KeySet:
        """The keys in force. Raises Problem `identity-provider-unavailable`."""

    async def newer(self, than: KeySet) -> KeySet:
        """The keys in force after a look for newer ones, where one is due; raises as `key_set`."""


class KeySets(Protocol):
    """Hands out a source per URL; the same declaration gets the same source."""

    def open(self, url: str, algorithms: Sequence[str], ca_file: str | None) -> KeySource:
        """At load: no I/O, no await. Raises ValueError for an address that is never asked."""


class Declared:
    """Keys that stand in the policy: a source that never changes."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def revision(self) -> int:
        return 0

    async def key_set(self) -> KeySet:
        return self._keys

    async def newer(self, than: KeySet) -> KeySet:
        return self._keys


def _entries(document: Any) -> list[Any]:
    entries = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        raise ValueError("a key set is an object whose `keys` is a list (RFC 7517, section 5)")
    return entries


def _shared(material: bytes) -> Holds:
    """HMAC with SHA-2 (RFC 7518, 3.2); takes as long when the signature is wrong."""

    def holds(algorithm: str, message: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(hmac.digest(material, message, f"sha{algorithm[2:]}"), signature)

    return holds


def _key(entry: Any, index: int, declared: frozenset[str]) -> VerifyingKey | None:
    if not isinstance(entry, dict):
        raise ValueError(f"keys[{index}] is not an object")
    kid = entry.get("kid")
    where = f"keys[{index}] ({kid})" if isinstance(kid, str) else f"keys[{index}]"
    if entry.get("kty") == "oct" or not _PRIVATE.isdisjoint(entry):
        raise ValueError(f"{where} is private or symmetric: a key set holds public keys only")
    if not isinstance(kid, str | None):
        raise ValueError(f"{where}: kid is not a text")
    algorithms = _algorithms(entry) & declared
    if not algorithms:
        return None
    from kapagate.identity.public_keys import read, thumbprint

    try:
        return VerifyingKey(kid, algorithms, read(entry, algorithms), thumbprint(entry))
    except ValueError as cause:
        raise ValueError(f"{where} {cause}") from cause


def _algorithms(entry: dict[str, Any]) -> frozenset[str]:
    """What a JWK may verify by its type, `use`, `key_ops` and `alg` (RFC 7517, 4)."""
    if entry.get("use", "sig") != "sig":
        return frozenset()
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return frozenset()
    kind, curve = str(entry.get("kty")), str(entry.get("crv", ""))
    fitting = frozenset(_BY_TYPE.get((kind, "" if kind == "RSA" else curve), ()))
    return fitting & {entry["alg"]} if isinstance(entry.get("alg"), str) else fitting


def _refuse_twins(keys: Sequence[VerifyingKey]) -> None:
    for position, key in enumerate(keys):
        for other in keys[:position]:
            if key.kid == other.kid and key.algorithms & other.algorithms:
                raise ValueError(f"two keys have the kid {key.kid}: a token could not say which one it means")
