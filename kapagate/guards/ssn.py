"""US social security and taxpayer numbers (SSN, ITIN), written with separators: AAA-GG-SSSS.

Ranges: SSA, randomization of 2011; IRS, Internal Revenue Manual 3.21.263 for ITINs, which begin with 9. Nine digits
without separators are one only behind words that say so. Behind those, a number that was never given out is one too:
somebody has mistyped it. Three groups between blanks behind `Suite` and alike are parts of an address.
"""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span
from kapagate.guards.regex import ending

_BEFORE = 40
_MORE_LEFT = re.compile(rb"(?:[\w+/]|[\w][.-]|\d )\Z")
_MORE_RIGHT = re.compile(rb"\w|[.-]\w| \d")

_SIGNS = rb"[\s:#.,()*'\"=|_>-]*"
_SAYS_SO = ending(
    rb"(?i)(?:\b|_)(?:(?:ssn|soc(?:ial)?\.?[ _-]sec(?:urity)?|itin|taxpayer id(?:entification)?"
    rb"|social|tax id)(?:\b|_)|ss ?#)"
    + _SIGNS
    + rb"(?:(?:number|no|num|nr|is|was|my|the|ssn|of|security)(?:\b|_)"
    + _SIGNS
    + rb"){0,4}"
)
_OF_ADDRESS = ending(rb"(?i)\b(?:suite|ste|apt|apartment|unit|room|rm|box|floor|lot|building|bldg|flat|zip)[.:]? ?#? ?")
_NOBODY = b"000000000"


def _taxpayer(group: bytes) -> bool:
    return b"50" <= group <= b"65" or b"70" <= group <= b"88" or b"90" <= group <= b"92" or b"94" <= group <= b"99"


def _given_out(number: bytes) -> bool:
    area, group, serial = number[:3], number[3:5], number[5:]
    if area in (b"000", b"666") or group == b"00" or serial == b"0000" or (area >= b"900" and not _taxpayer(group)):
        return False
    return not number.startswith(b"98765432")  # set aside for advertisements


def check(data: bytes, start: int, end: int) -> Span | None:
    if _MORE_LEFT.search(data[max(0, start - 2) : start]) or _MORE_RIGHT.match(data[end : end + 2]):
        return None
    found = data[start:end]
    number = found.translate(None, b" .-")
    left = data[max(0, start - _BEFORE) : start]
    alone = len(found) > len(number) and _given_out(number) and not (b" " in found and _OF_ADDRESS(left))
    return (start, end) if alone or (number != _NOBODY and _SAYS_SO(left)) else None


SSN = Detector(
    name="ssn",
    placeholder="<ssn>",
    pattern=rb"\b\d{3}(?:-\d\d-| \d\d |\.\d\d\.|\d\d)\d{4}",
    hint=rb"\b\d{3}(?:-\d\d-| \d\d |\.\d\d\.)\d{4}|(?i:ssn|soc|itin|tax|ss ?#)[^\n]*\d{9}",
    unfinished=rb"\d{1,3}(?:[ .-]?\d{0,2}(?:[ .-]?\d{0,4}(?:[ .-])?)?)?",
    longest=13,
    before=_BEFORE,
    confidence=0.9,
    severity=2,
    check=check,
)
