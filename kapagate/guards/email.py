"""E-mail addresses (RFC 5321 lengths; the forms that people write, not all that RFC 5322 allows)."""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span
from kapagate.guards.fold import CASED
from kapagate.guards.regex import regex

_LOCAL_MAX = 64
_DOMAIN_MAX = 253
_LOCAL = rb"[\w.%+'" + CASED + rb"-]"
_LABEL = rb"[\w" + CASED + rb"](?:[\w" + CASED + rb"-]{0,61}[\w" + CASED + rb"])?"
_TOP = rb"(?:xn--[A-Za-z0-9-]{2,20}[A-Za-z0-9]|[A-Za-z" + CASED + rb"]{2,24})"

_LOCAL_CHARACTERS = bytes(byte for byte in range(256) if re.match(_LOCAL, b"%c" % byte))
_DOMAIN = regex(rb"(?:" + _LABEL + rb"\.){1,8}" + _TOP)
_NO_MAILBOX = re.compile(rb"(?i)git\Z|\dx\.")  # git@github.com:org/repo, icon@2x.png


def check(data: bytes, start: int, end: int) -> Span | None:
    """From the `@` at `start`: the local part on its left, the domain on its right."""
    left = data[max(0, start - _LOCAL_MAX) : start]
    local = left[len(left.rstrip(_LOCAL_CHARACTERS)) :].lstrip(b"._%+'-")
    right = data[end : end + _DOMAIN_MAX + 1]
    domain = _DOMAIN.match(right)
    if not local or local.endswith(b".") or domain is None:
        return None
    length = domain.span()[1]
    if right[length : length + 1].isalnum() or _NO_MAILBOX.match(local) or _NO_MAILBOX.match(right):
        return None
    return start - len(local), end + length


EMAIL = Detector(
    name="email",
    placeholder="<email>",
    pattern=rb"@",
    unfinished=_LOCAL + rb"+(?:@[\w." + CASED + rb"-]*)?",
    longest=_LOCAL_MAX + 1 + _DOMAIN_MAX + 1,
    before=_LOCAL_MAX,
    confidence=0.95,
    check=check,
)
