"""US social security numbers, written with separators: AAA-GG-SSSS (ranges: SSA, randomization of 2011)."""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span

_MORE_LEFT = re.compile(rb"(?:[\w+/]|[\w][.-]|\d )\Z")
_MORE_RIGHT = re.compile(rb"\w|[.-]\w| \d")


def check(data: bytes, start: int, end: int) -> Span | None:
    area, group, serial = data[start : start + 3], data[start + 4 : start + 6], data[start + 7 : end]
    if area in (b"000", b"666") or area >= b"900" or group == b"00" or serial == b"0000":
        return None
    if _MORE_LEFT.search(data[max(0, start - 2) : start]) or _MORE_RIGHT.match(data[end : end + 2]):
        return None
    return start, end


SSN = Detector(
    name="ssn",
    placeholder="<ssn>",
    pattern=rb"\b\d{3}(?:-\d\d-| \d\d )\d{4}",
    unfinished=rb"\d{1,3}(?:[ -]\d{0,2}(?:[ -]\d{0,4}(?:[ .-])?)?)?",
    longest=13,
    before=2,
    severity=2,
    check=check,
)
