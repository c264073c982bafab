"""The fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers, structured fields of RFC 9651).

Both are lists, so several limits on one answer each add a line of their own.
"""

from __future__ import annotations

import math

from kapagate.traffic.gcra import Quota
from kapagate.traffic.rate import Rate

POLICY = b"RateLimit-Policy"
STATE = b"RateLimit"


def quoted(name: str) -> bytes:
    """A limit's name as a structured string (RFC 9651, 3.3.3)."""
    return b'"%b"' % name.encode("ascii", "replace").replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def policy_item(name: bytes, rate: Rate) -> bytes:
    """`"door";q=600;w=60`: the limit of this quoted name allows `q` requests in `w` seconds."""
    return b"%b;q=%d;w=%d" % (name, rate.count, rate.period)


def state_item(name: bytes, quota: Quota) -> bytes:
    """`"door";r=42;t=7`: `r` requests are left now, all are back in `t` seconds."""
    return b"%b;r=%d;t=%d" % (name, quota.remaining, math.ceil(quota.reset_after))
