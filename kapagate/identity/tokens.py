"""Verifying JSON Web Tokens as RFC 8725 says.

The declaration fixes the algorithms, and each key is bound to its own (`key_sets`); a token only chooses among them.
Issuer, audience and `exp` are required. What a token says of keys (`jku`, `x5u`, `jwk`, `x5c`) is never looked at,
`crit` is refused, JSON that two readers could read differently is refused, and a `typ` of another kind of token is
refused, so that no logout or security-event token passes for one of access. The keys check signatures; times are
compared here, with the caller's clock.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from msgspec import Struct

from kapagate.answer.document import strict_loads
from kapagate.identity.key_sets import ALGORITHMS, KeySet

MOST_LEEWAY = 60.0
_MOST_BYTES = 8192
_END_OF_TIME = 1 << 53
_FORM = re.compile(r"[A-Za-z0-9_-]{1,4096}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})


class Rejected(Exception):
    """A token that does not hold. The text is for the log; the client learns at most that it `expired`."""

    def __init__(self, reason: str, *, expired: bool = False) -> None:
        super().__init__(reason)
        self.expired = expired


class NoKey(Rejected):
    """No key fits: perhaps a newer set has one."""


class Expected(Struct, frozen=True):
    """What a scheme expects of its tokens; `leeway` in seconds. Raises ValueError for what RFC 8725 forbids."""

    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    leeway: float = 30.0

    def __post_init__(self) -> None:
        if not self.issuer or not self.audiences or not all(self.audiences):
            raise ValueError("issuer and audience are required")
        if not self.algorithms or not self.algorithms <= set(ALGORITHMS):
            raise ValueError(f"algorithms are some of {', '.join(ALGORITHMS)}")
        if not 0 <= self.leeway <= MOST_LEEWAY:
            raise ValueError(f"leeway is at most {MOST_LEEWAY:.0f} s")


def is_token(text: str) -> bool:
    """Whether a text has the form of a signed token: three base64url parts (RFC 7515, 3.1)."""
    return len(text) <= _MOST_BYTES and _FORM.fullmatch(text) is not None


def addressed_to(token: str, expected: Expected) -> bool:
    """Whether a token's unverified issuer and audience are the expected ones: whose token it claims to be, no more."""
    try:
        claims = _object(token.split(".")[1])
    except Rejected:
        return False
    return claims.get("iss") == expected.issuer and _is_meant_for(claims, expected.audiences)


def verify(token: str, expected: Expected, keys: KeySet, now: float) -> dict[str, Any]:
    """The claims of a token that holds at `now` (Unix seconds). Raises Rejected, of which NoKey is one."""
    if not is_token(token):
        raise Rejected("not a signed token, or longer than 8 KiB")
    header = _object(token.split(".", maxsplit=1)[0])
    algorithm, kid = _chosen(header, expected.algorithms)
    key = keys.select(algorithm, kid)
    if key is None:
        raise NoKey("no key fits")
    message, _, signature = token.rpartition(".")
    if not key.holds(algorithm, message.encode("ascii"), _decoded(signature)):
        raise Rejected("the signature does not hold")
    claims = _object(message.partition(".")[2])
    _check_address(claims, expected)
    _check_times(claims, expected.leeway, now)
    return claims


def _chosen(header: dict[str, Any], declared: frozenset[str]) -> tuple[str, str | None]:
    """Algorithm and key id of a header; refuses what would change the meaning of the rest (RFC 7515, 4.1.11)."""
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in declared:
        raise Rejected("the algorithm is not declared")
    if "crit" in header or "b64" in header:
        raise Rejected("critical header parameters are not supported")
    if not isinstance(kid, str | None):
        raise Rejected("kid is not a text")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise Rejected("typ says that this is another kind of token")
    return algorithm, kid


def _check_address(claims: dict[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise Rejected("another issuer")
    if not _is_meant_for(claims, expected.audiences):
        raise Rejected("another audience")


def _is_meant_for(claims: dict[str, Any], audiences: frozenset[str]) -> bool:
    named = claims.get("aud")
    names = [named] if isinstance(named, str) else named
    return isinstance(names, list) and any(isinstance(name, str) and name in audiences for name in names)


def _check_times(claims: dict[str, Any], leeway: float, now: float) -> None:
    """RFC 7519, 4.1.4 to 4.1.6. The leeway is for clocks that disagree."""
    expires = _moment(claims, "exp")
    if expires is None:
        raise Rejected("exp is missing")
    if now >= expires + leeway:
        raise Rejected("expired", expired=True)
    for name in ("nbf", "iat"):
        moment = _moment(claims, name)
        if moment is not None and now < moment - leeway:
            raise Rejected(f"{name} is in the future")


def _moment(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _END_OF_TIME:
        raise Rejected(f"{name} is not a time")
    return value


def _decoded(part: str) -> bytes:
    """Base64url without padding (RFC 7515, 2), in the one spelling that encoding gives."""
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as cause:
        raise Rejected("not base64url") from cause
    if base64.urlsafe_b64encode(data).rstrip(b"=") != part.encode("ascii"):
        raise Rejected("not base64url as it is written")
    return data


def _object(part: str) -> dict[str, Any]:
    try:
        value = strict_loads(_decoded(part))
    except ValueError as cause:
        raise Rejected("not a JSON object") from cause
    if not isinstance(value, dict):
        raise Rejected("not a JSON object")
    return value
