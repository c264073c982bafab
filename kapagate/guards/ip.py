"""IP addresses, version 4 (dotted quads) and 6 (RFC 4291 section 2.2), of which those that point at nobody stay.

Version numbers and numbers of sections look like version 4 addresses: what stands before them decides.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from kapagate.guards.detector import Detector, Span

_LONGEST_QUAD = 15
_LONGEST_GROUPS = 45
_BEFORE = 24
_QUAD = re.compile(rb"\d{1,3}(?:\.\d{1,3}){3}")
_GROUPS = re.compile(rb"[0-9A-Fa-f:.]+")
_MORE_RIGHT = re.compile(rb"\w|\.\d|[+-][A-Za-z]")
_NO_QUAD = re.compile(
    rb"(?i)(?:\w|[^/]/|[a-z]-|::|ffff:|[=<>~!]="
    rb"|(?:\b(?:versions?|release|rev|ver|v|build|firmware|driver|section|sec|chapter|clause|figure|table|oid)|identifier)"
    rb"[\"' (.:=#-]{0,3})\Z"
)


def _quad(data: bytes, start: int) -> Span | None:
    left = data[max(0, start - _BEFORE) : start]
    if left[-1:] == b"." and left[-2:-1].isdigit():
        return None
    found = _QUAD.match(data[start : start + _LONGEST_QUAD])
    if found is None or _NO_QUAD.search(left):
        return None
    end = start + found.end()
    if _MORE_RIGHT.match(data[end : end + 2]):
        return None
    try:
        address = IPv4Address(data[start:end].decode("ascii"))
    except AddressValueError:
        return None
    nobody = address.is_loopback or address.is_unspecified or address.packed[0] == 255
    return None if nobody else (start, end)


def _groups(data: bytes, start: int) -> Span | None:
    if start and (data[start - 1] in b":._\xe9" or data[start - 1 : start].isalnum()):
        return None
    found = _GROUPS.match(data[start : start + _LONGEST_GROUPS + 2])
    if found is None:
        return None
    written = data[start : start + found.end()].rstrip(b".")
    written = written[:-1] if written.endswith(b":") and not written.endswith(b"::") else written
    end = start + len(written)
    if data[end : end + 1].isalnum() or data[end : end + 1] == b"_" or not any(48 <= byte < 58 for byte in written):
        return None
    try:
        address = IPv6Address(written.decode("ascii"))
    except AddressValueError:
        return None
    return None if address.is_loopback or address.is_unspecified else (start, end)


def check(data: bytes, start: int, end: int) -> Span | None:
    return _groups(data, start) if b":" in data[start:end] else _quad(data, start)


IP = Detector(
    name="ip",
    placeholder="<ip>",
    pattern=(
        rb"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d|::[0-9A-Fa-f]"
        rb"|\b(?:%b{1,4}:){1,6}:|\b(?:%b{1,4}:){6}(?:%b{1,4}:%b|\d{1,3}\.)" % ((b"[0-9A-Fa-f]",) * 4)
    ),
    unfinished=rb"[0-9A-Fa-f:.]+[+-]?",
    longest=_LONGEST_GROUPS + 3,
    before=_BEFORE,
    check=check,
)
