"""Names and passwords in addresses (RFC 3986 section 3.2.1): `postgres://name:password@host`. The rest stays.

A password that is too long to wait for its end is taken for one. Passwords that are obviously none - `password`,
`$PASSWORD`, `<pass>`, stars - stay too: pages that explain have them.
"""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span

_LONGEST = 200
_PASSWORD_MAX = 128
_SIGN = rb"[^\s\xa4/?#@\"'<>`]"
_USERINFO = re.compile(
    rb"[^\s\xa4/?#@:\"'<>`]{0,64}:(?:(%b{1,%d})@[\w\[\xc0-\xff]|(%b{%d})%b)"
    % (_SIGN, _PASSWORD_MAX, _SIGN, _PASSWORD_MAX, _SIGN)
)
_NO_PASSWORD = re.compile(
    rb"(?i)(?:[$%{\[(]|(?:your[\w-]*|my)?(?:pass|passwd|password|pwd|secret|token|key|x+|\*+|\.+|foo|bar|example)\Z)"
)


def check(data: bytes, start: int, end: int) -> Span | None:
    """From the `://` at `start`: the name and the password behind it."""
    found = _USERINFO.match(data[start + 3 : start + 3 + _LONGEST])
    if found is None or _NO_PASSWORD.match(found[found.lastindex or 1]):
        return None
    return start + 3, start + 3 + found.end(found.lastindex or 1)


_UNFINISHED = rb"[^\s\xa4/?#@\"'<>`]+@?"

CREDENTIALS = Detector(
    name="credentials",
    placeholder="<credentials>",
    pattern=rb"://[^\s\xa4/?#@:\"'<>`]*:[^\s\xa4/?#@:\"'<>`]",
    hint=rb"://[^\s\xa4/?#@:\"'<>`]*:%b+(?:@|%b{%d})" % (_SIGN, _SIGN, _PASSWORD_MAX),
    unfinished=_UNFINISHED,
    led_by=rb"://",
    longest=_LONGEST + 2,
    before=3,
    severity=4,
    confidence=0.95,
    at_bound=lambda found: len(found.partition(b":")[2]) >= _PASSWORD_MAX,
    check=check,
)
