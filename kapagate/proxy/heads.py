"""Writing heads: the start line, the fields as they are, our framing. No value can end a line of its own accord."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate
from http import HTTPStatus

from kapagate.chain.clock import Clock
from kapagate.chain.hop import Outbound
from kapagate.chain.sink import Head
from kapagate.proxy.hop_by_hop import OURS_DOWNSTREAM, OURS_UPSTREAM

_STATUS_LINES = {status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Unwritable(ValueError):
    """A head with a control character where none may be: somebody tried to smuggle a line, or has a bug."""


class Dates:
    """The `Date` field, written once per second (RFC 9110, 6.6.1)."""

    __slots__ = ("_clock", "_line", "_second")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._line = b""

    def line(self) -> bytes:
        second = int(self._clock.wall())
        if second != self._second:
            self._second = second
            self._line = b"Date: %b\r\n" % formatdate(second, usegmt=True).encode()
        return self._line


def request_head(outbound: Outbound, fixed: bytes, framing: bytes) -> bytes:
    """A request's head. `fixed` is what every request to this endpoint has behind its target. Raises Unwritable."""
    parts = [outbound.method, b" ", outbound.target, fixed]
    fields, _ = _add_fields(parts, outbound.headers, OURS_UPSTREAM)
    parts += (framing, b"\r\n")
    return _checked(parts, fixed.count(b"\n") + fields + framing.count(b"\n") + 1)


def answer_head(head: Head, framing: bytes, dates: Dates) -> bytes:
    """An answer's head; the reason is the standard's own, never an upstream's. Raises Unwritable."""
    parts = [_STATUS_LINES.get(head.status) or b"HTTP/1.1 %d \r\n" % head.status]
    fields, dated = _add_fields(parts, head.headers, OURS_DOWNSTREAM)
    date = b"" if dated else dates.line()
    parts += (date, framing, b"\r\n")
    return _checked(parts, 1 + fields + date.count(b"\n") + framing.count(b"\n") + 1)


def _add_fields(parts: list[bytes], fields: Sequence[tuple[bytes, bytes]], ours: frozenset[bytes]) -> tuple[int, bool]:
    """Adds the fields but for those that are ours to write: how many they were, and whether `Date` was among them."""
    count = 0
    dated = False
    for name, value in fields:
        lower = name.lower()
        if lower in ours:
            continue
        if lower == b"date":
            dated = True
        parts += (name, b": ", value, b"\r\n")
        count += 1
    return count, dated


def _checked(parts: list[bytes], lines: int) -> bytes:
    head = b"".join(parts)
    if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
        raise Unwritable("a header field or target holds a control character")
    return head
