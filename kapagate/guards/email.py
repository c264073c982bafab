"""E-mail addresses (RFC 5321 lengths and local parts, RFC 6531 letters; domains have a dot or are an IP literal)."""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span
from kapagate.guards.fold import CASED
from kapagate.guards.mailbox import BEGUN, LONGEST, LOOK, local_part

_DOMAIN_MAX = 253
_LABEL = rb"[\w" + CASED + rb"](?:[\w" + CASED + rb"-]{0,61}[\w" + CASED + rb"])?"
_OTHER = rb"\xa4{1,30}"  # in a script without case
_TOP = rb"(?:xn--[A-Za-z0-9-]{2,20}[A-Za-z0-9]|[A-Za-z" + CASED + rb"]{2,24})"
_LITERAL = rb"\[(?:\d{1,3}(?:\.\d{1,3}){3}|(?i:ipv6):[0-9A-Fa-f:.]{2,45})\]"  # RFC 5321 section 4.1.3

_DOMAIN = re.compile(
    rb"(?:(?:(?:%b|%b)\.){1,8}%b|(?:%b\.){1,2}\xa4{2,11})(?![A-Za-z0-9])|%b" % (_LABEL, _OTHER, _TOP, _OTHER, _LITERAL)
)
_NO_MAILBOX = (b"git",)  # git@github.com:org/repo
_NO_DOMAIN = re.compile(rb"\dx\.|\d+\.\d+\.\d")  # icon@2x.png, next@14.0.0-canary.rc


def check(data: bytes, start: int, end: int) -> Span | None:
    """From the `@` at `start`: the local part on its left, the domain on its right."""
    domain = _DOMAIN.match(data, start + 1, start + 1 + _DOMAIN_MAX)
    if domain is None or _NO_DOMAIN.match(data, start + 1):
        return None
    local = local_part(data[max(0, start - LOOK) : start], data[domain.end() : domain.end() + 1])
    return (start - len(local), domain.end()) if local and local.lower() not in _NO_MAILBOX else None


def _at_bound(found: bytes) -> bool:
    local, _, domain = found.rpartition(b"@")
    return len(local) >= LONGEST or len(domain) >= _DOMAIN_MAX


EMAIL = Detector(
    name="email",
    placeholder="<email>",
    pattern=rb"@(?:(?:[\w" + CASED + rb"-]+|\xa4+)\.[\w\xa4" + CASED + rb"]|\[[\dIi])",
    unfinished=rb"(?:" + BEGUN + rb")(?:@(?:[\w.\xa4" + CASED + rb"-]*|\[[\w:.]*\]?))?",
    longest=LONGEST + 1 + _DOMAIN_MAX + 1,
    before=LOOK,
    confidence=0.95,
    at_bound=_at_bound,
    check=check,
)
