"""The fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers, structured fields of RFC 9651).

Both are lists, so several limits on one answer each add a line of their own.
"""

from __future__ import annotations

import math

from kapagate.traffic.gcra import Quota
from kapagate.traffic.rate import Rate

POLICY = b"RateLimit-Policy"
STATE = b"RateLimit"
_MOST_KEPT = 1024

Field = tuple[bytes, bytes]


class Told:
    """What one limit tells under its name. Callers stand at few distinct levels, so the fields are kept."""

    __slots__ = ("_kept", "_name", "policy")

    def __init__(self, name: str, rate: Rate) -> None:
        self._name = quoted(name)
        self._kept: dict[tuple[int, int], Field] = {}
        self.policy: Field = (POLICY, b"%b;q=%d;w=%d" % (self._name, rate.count, rate.period))
        """`"door";q=600;w=60`: the limit of this name allows `q` requests in `w` seconds."""

    def state(self, quota: Quota) -> Field:
        """`"door";r=42;t=7`: `r` requests are left now, all are back in `t` seconds."""
        key = (quota[0], math.ceil(quota[1]))
        field = self._kept.get(key)
        if field is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            field = self._kept[key] = (STATE, b"%b;r=%d;t=%d" % (self._name, *key))
        return field


def quoted(name: str) -> bytes:
    """A limit's name as a structured string (RFC 9651, 3.3.3)."""
    return b'"%b"' % name.encode("ascii", "replace").replace(b"\\", b"\\\\").replace(b'"', b'\\"')
