"""Names and passwords in addresses (RFC 3986 section 3.2.1): `postgres://name:password@host`. The rest stays.

Passwords that are obviously none - `password`, `$PASSWORD`, `<pass>`, stars - stay too: pages that explain have them.
"""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span

_LONGEST = 200
_USERINFO = re.compile(rb"[^\s\xa4/?#@:\"'<>`]{0,64}:([^\s\xa4/?#@\"'<>`]{1,128})@[\w\[\xc0-\xff]")
_NO_PASSWORD = re.compile(
    rb"(?i)(?:[$%{\[(]|(?:your[\w-]*|my)?(?:pass|passwd|password|pwd|secret|token|key|x+|\*+|\.+|foo|bar|example)\Z)"
)


def check(data: bytes, start: int, end: int) -> Span | None:
    """From the `://` at `start`: the name and the password behind it."""
    found = _USERINFO.match(data[start + 3 : start + 3 + _LONGEST])
    if found is None or _NO_PASSWORD.match(found[1]):
        return None
    return start + 3, start + 3 + found.end(1)


CREDENTIALS = Detector(
    name="credentials",
    placeholder="<credentials>",
    pattern=rb"://[^\s\xa4/?#@:\"'<>`]*:[^\s\xa4/?#@:\"'<>`]",
    hint=rb"://[^\s\xa4/?#@:\"'<>`]*:[^\s\xa4/?#@\"'<>`]+@",
    unfinished=rb"[^\s\xa4/?#@\"'<>`]+@?",
    longest=_LONGEST + 2,
    before=3,
    severity=4,
    confidence=0.95,
    check=check,
)
