"""Hardware addresses (IEEE 802 EUI-48): six pairs with colons or dashes, three fours with dots. Broadcast stays."""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span

_MORE_LEFT = re.compile(rb"(?:\w|(?<![A-Za-z0-9])[0-9A-Fa-f]{1,2}[:-])\Z")
_MORE_RIGHT = re.compile(rb"\w|[:-]\w|\.\w{4}")
_NOBODY = re.compile(rb"(?:0{12}|[fF]{12})\Z")


def check(data: bytes, start: int, end: int) -> Span | None:
    number = data[start:end].translate(None, b":.-")
    if _MORE_LEFT.search(data[max(0, start - 4) : start]) or _MORE_RIGHT.match(data[end : end + 5]):
        return None
    if _NOBODY.match(number) or (b"." in data[start:end] and number.isdigit()):
        return None
    return start, end


_X = rb"[0-9A-Fa-f]"
MAC = Detector(
    name="mac",
    placeholder="<mac>",
    pattern=rb"\b%b{2}(?:(?::%b%b){5}|(?:-%b%b){5})|\b%b{4}\.%b{4}\.%b{4}" % ((_X,) * 8),
    unfinished=_X + rb"[0-9A-Fa-f:.-]*\w*",
    longest=24,
    before=4,
    confidence=0.95,
    check=check,
)
