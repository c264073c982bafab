"""Writing heads: the start line, the fields as they are, our framing. No value can end a line of its own accord."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus

from kapagate.chain.clock import Clock
from kapagate.chain.hop import Outbound
from kapagate.chain.sink import Head
from kapagate.proxy.hop_by_hop import DATE, KINDS, OURS_DOWNSTREAM, OURS_UPSTREAM

_STATUS_LINES = {status.value: b"HTTP/1.1 %d %b" % (status, status.phrase.encode()) for status in HTTPStatus}
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
            self._line = b"Date: %b" % formatdate(second, usegmt=True).encode()
        return self._line


def request_head(outbound: Outbound, first: tuple[bytes, ...], last: tuple[bytes, ...]) -> bytes:
    """A request's head. `first` and `last` are our own lines, before and behind the fields that go on.

    Raises Unwritable.
    """
    lines = [b"%b %b HTTP/1.1" % (outbound.method, outbound.target), *first]
    for field in outbound.headers:
        if not KINDS[field[0]] & OURS_UPSTREAM:
            lines.append(b": ".join(field))  # noqa: PERF401 - a comprehension was slower here
    lines += last
    return _joined(lines)


def answer_head(head: Head, framing: list[bytes], dates: Dates) -> bytes:
    """An answer's head; the reason is the standard's own, never an upstream's. Raises Unwritable."""
    lines = [_STATUS_LINES.get(head.status) or b"HTTP/1.1 %d " % head.status]
    dated = False
    for field in head.headers:
        kind = KINDS[field[0]]
        if kind:
            if kind & OURS_DOWNSTREAM:
                continue
            dated = dated or bool(kind & DATE)
        lines.append(b": ".join(field))
    if not dated:
        lines.append(dates.line())
    lines += framing
    return _joined(lines)


def _joined(lines: list[bytes]) -> bytes:
    """Every line must still be one line when they are read again."""
    lines += (b"", b"")
    head = b"\r\n".join(lines)
    if len(head.splitlines()) != len(lines) - 1 or b"\0" in head:
        raise Unwritable("a header field or target holds a control character")
    return head
