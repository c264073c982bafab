"""What a JSON text will cost in memory, found before it is read: hostile ones cost forty times their size.

An object costs what CPython's objects cost (3.11, 64 bits, with the garbage collector's header), rounded up. Ordinary
texts are let through by counting characters; the others are walked, token by token, until they are through or cost too
much. The walk need not be right about what is no JSON: whoever reads it refuses that.
"""

from __future__ import annotations

import re

from kapagate.answer.document import Unacceptable

TIMES = 10
MARGIN = 256 << 10
"""A request may cost so many times its size, and so many bytes more."""

_OTHERS = 96 << 10  # what connection and exchange take of the margin
_SMALL = 4 << 10  # whatever is in so short a text, it stays within
_SLOT = 9
_LIST = 72 + 32
_DICT = 80
_ENTRIES = 120
_ENTRY = 40
_STRING = 64
_OTHER_STRING = 80
_NUMBER = 32
_READY = frozenset(b"%d" % number for number in range(-5, 257)) | {b"t", b"f", b"n"}
_PAIR = 72 + _SLOT
_MEMO = 80
_PART = re.compile(rb'"((?:[^"\\]++|\\.)*+)"([ \t\n\r]*:)?|[\[{}tfn]|-?[0-9][0-9.eE+-]*+', re.DOTALL)
_WIDE = re.compile(rb"[\xf0-\xf4]")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class TooCostly(Unacceptable):
    """It would take too much memory for its size."""


def check_weight(data: bytes) -> None:
    """Raises TooCostly when the text, read, would be above `TIMES` its size and `MARGIN`."""
    size = len(data)
    if size <= _SMALL:
        return
    room = (TIMES - 1) * size + MARGIN - _OTHERS - size * _width(data)
    if _at_most(data) > room and _is_above(data, room):
        raise TooCostly("it has too many values for its size")


def _at_most(data: bytes) -> int:
    """By its characters, those within strings too."""
    strings = data.count(b'"') // 2
    return (
        len(data) * _string_width(data)
        + data.count(b"[") * (_LIST + _SLOT)
        + data.count(b"{") * (_DICT + _ENTRIES + _SLOT)
        + data.count(b":") * (_PAIR + _MEMO + _ENTRY)
        + data.count(b",") * (_NUMBER + _SLOT)
        + strings * _OTHER_STRING
    )


def _is_above(data: bytes, room: int) -> bool:
    """Walks the text until it is through or has cost more than `room`. Keys of one name share a string; the pairs of an
    object wait in a list until it ends.
    """
    names: set[bytes] = set()
    open_objects: list[int] = []
    waiting = cost = 0
    for part in _PART.finditer(data):
        kind = part[0]
        if part[2] is not None:
            waiting += _PAIR
            if open_objects:
                open_objects[-1] += 1
            if part[1] not in names:
                names.add(part[1])
                cost += _MEMO + _string(part[1])
        elif kind == b"}":
            entries = open_objects.pop() if open_objects else 0
            waiting -= entries * _PAIR
            cost += (_ENTRIES + entries * _ENTRY) if entries > 5 else _ENTRIES if entries else 0
        elif kind == b"{":
            open_objects.append(0)
            cost += _DICT + _SLOT
        else:
            cost += _SLOT + _cost(kind, part[1])
        if cost + waiting > room:
            return True
    return False


def _cost(kind: bytes, string: bytes | None) -> int:
    if string is not None:
        return _string(string)
    if kind == b"[":
        return _LIST
    return 0 if kind in _READY else _NUMBER


def _string(string: bytes) -> int:
    """Single characters, like small numbers and the three words, are there already."""
    if len(string) < 2:
        return 0
    width = _string_width(string)
    return (_STRING if width == 1 else _OTHER_STRING) + len(string) * width


def _width(data: bytes) -> int:
    """Bytes per character of the text itself."""
    if data.isascii():
        return 1
    return 4 if _WIDE.search(data) else 2


def _string_width(data: bytes) -> int:
    """Most bytes of a string per byte of its text. One with escapes is made in a buffer that grows, and is widened."""
    if b"\\u" in data:
        return 7 if _SURROGATE.search(data) or _WIDE.search(data) else 4
    return _width(data) + (b"\\" in data)
