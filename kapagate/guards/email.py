"""E-mail addresses (RFC 5321 lengths; the forms that people write, not all that RFC 5322 allows)."""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span
from kapagate.guards.fold import CASED

_LOCAL_MAX = 64
_DOMAIN_MAX = 253
_LOCAL = rb"[\w.%+'" + CASED + rb"-]"
_LABEL = rb"[\w" + CASED + rb"](?:[\w" + CASED + rb"-]{0,61}[\w" + CASED + rb"])?"
_OTHERS = rb"\xa4{1,30}\.(?:\xa4{1,30}\.)?"  # labels of a script without case
_TOP = rb"(?:xn--[A-Za-z0-9-]{2,20}[A-Za-z0-9]|[A-Za-z" + CASED + rb"]{2,24})"

_LOCAL_CHARACTERS = bytes(byte for byte in range(256) if re.match(_LOCAL, b"%c" % byte))
_DOMAIN = re.compile(rb"(?:(?:" + _LABEL + rb"\.){1,8}|" + _OTHERS + rb")" + _TOP + rb"(?![A-Za-z0-9])")
_NO_MAILBOX = (b"git",)  # git@github.com:org/repo
_NO_DOMAIN = re.compile(rb"\dx\.|\d+\.\d+\.\d")  # icon@2x.png, next@14.0.0-canary.rc


def check(data: bytes, start: int, end: int) -> Span | None:
    """From the `@` at `start`: the local part on its left, the domain on its right."""
    domain = _DOMAIN.match(data, start + 1, start + 1 + _DOMAIN_MAX)
    if domain is None:
        return None
    left = data[max(0, start - _LOCAL_MAX) : start]
    emphasised = data[domain.end() : domain.end() + 1] == b"_"
    local = left[len(left.rstrip(_LOCAL_CHARACTERS)) :].lstrip(b"._%+'-" if emphasised else b".%+'-")
    if not local or local.endswith(b".") or local.lower() in _NO_MAILBOX or _NO_DOMAIN.match(data, start + 1):
        return None
    return start - len(local), domain.end()


def _at_bound(found: bytes) -> bool:
    local, _, domain = found.partition(b"@")
    return len(local) >= _LOCAL_MAX or len(domain) >= _DOMAIN_MAX


EMAIL = Detector(
    name="email",
    placeholder="<email>",
    pattern=rb"@(?:[\w" + CASED + rb"-]+|\xa4+)\.[\w" + CASED + rb"]",
    unfinished=_LOCAL + rb"+(?:@[\w.\xa4" + CASED + rb"-]*)?",
    longest=_LOCAL_MAX + 1 + _DOMAIN_MAX + 1,
    before=_LOCAL_MAX,
    confidence=0.95,
    at_bound=_at_bound,
    check=check,
)
