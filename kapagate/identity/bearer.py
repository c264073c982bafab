"""Credentials as header fields carry them."""

from __future__ import annotations

from kapagate.chain import problems
from kapagate.chain.headers import Headers
from kapagate.chain.problem import Problem

AUTHORIZATION = b"authorization"


def single(headers: Headers, name: bytes) -> str | None:
    """The one value of a credential's field, `name` in lower case; bytes above ASCII come out as U+FFFD.

    Raises Problem `ambiguous-credentials` when the field was sent more than once: who is to say which one counts?
    """
    values = headers.all(name)
    if not values:
        return None
    if len(values) > 1:
        raise Problem(problems.AMBIGUOUS_CREDENTIALS, f"{name.decode('latin-1')} was sent {len(values)} times")
    return values[0].decode("ascii", "replace").strip()


def bearer(headers: Headers) -> str | None:
    """The token of `Authorization: Bearer <token>` (RFC 6750, 2.1); None for other schemes. Raises as `single`."""
    value = single(headers, AUTHORIZATION)
    if value is None or value[:7].lower() != "bearer ":
        return None
    return value[7:].lstrip(" ")
