"""The one place that decides how a message is delimited (RFC 9112, 6).

Parsers find the bytes; whether their reading may be believed, and how our own messages end, is decided here. Every rule
errs on the side of one reading only: what two implementations could read differently is refused.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import Enum

from kapagate.chain import problems
from kapagate.chain.headers import RawHeaders
from kapagate.chain.problem import Problem
from kapagate.proxy.hop_by_hop import CODING, KINDS
from kapagate.proxy.hop_by_hop import LENGTH as LENGTH_FIELD


class Framing(Enum):
    """How a body ends: there is none, after its length, with the last chunk, with the connection."""

    NONE = 0
    LENGTH = 1
    CHUNKED = 2
    CLOSE = 3


NONE, LENGTH, CHUNKED, CLOSE = Framing.NONE, Framing.LENGTH, Framing.CHUNKED, Framing.CLOSE


class Unframed(Exception):
    """An answer whose end cannot be known for certain."""


def bodiless(status: int) -> bool:
    """Whether answers of this status never have a body (RFC 9110, 6.4.1)."""
    return status == 204 or status == 304 or status < 200


def frame_answer(status: int, to_head: bool, http10: bool, length: int | None) -> Framing:
    """How an answer of ours is delimited for this client. `length` None: it is not known before the end."""
    if to_head or bodiless(status):
        return NONE
    if length is not None:
        return LENGTH
    return CLOSE if http10 else CHUNKED


def frame_request(length: int | None) -> bytes:
    """The field that delimits a request of ours: its length, or chunks where that is not known."""
    return b"Transfer-Encoding: chunked" if length is None else b"Content-Length: %d" % length


def check_request(headers: RawHeaders, http10: bool) -> None:
    """Of a request that names a transfer coding: raises Problem unless it is chunked and that is all that the request
    says of its framing (RFC 9112, 6.1 and 6.3).
    """
    said = [field for field in headers if KINDS[field[0]] & (LENGTH_FIELD | CODING)]
    if http10 or len(said) != 1:
        raise Problem(problems.MALFORMED_REQUEST, "the request's framing is ambiguous")
    coding = said[0][1].strip(b" \t").lower()
    if not coding.endswith(b"chunked"):
        raise Problem(problems.MALFORMED_REQUEST, "the end of the request's body cannot be known")
    if coding != b"chunked":
        raise Problem(problems.NOT_IMPLEMENTED, "no transfer coding but chunked is understood")


def read_answer(status: int, to_head: bool, headers: RawHeaders, http10: bool = False) -> tuple[Framing, int | None]:
    """How an upstream's answer ends, and its length where it says one. Raises Unframed.

    HTTP/1.0 has no transfer codings: one that is named there is a fault (RFC 9112, 6.1).
    """
    said = [field for field in headers if KINDS[field[0]] & (LENGTH_FIELD | CODING)]
    if len(said) > 1:
        raise Unframed("more than one field says where the body ends")
    name, value = said[0] if said else (b"", b"")
    coded = KINDS[name] & CODING
    if coded and http10:
        raise Unframed("a transfer coding in HTTP/1.0")
    length = _length(value) if said and not coded else None
    if to_head or bodiless(status):
        return NONE, length
    if coded:
        if value.strip(b" \t").lower() != b"chunked":
            raise Unframed("a transfer coding other than chunked")
        return CHUNKED, None
    return (CLOSE, None) if length is None else (LENGTH, length)


def _length(value: bytes) -> int:
    digits = value.strip(b" \t")
    if not digits.isdigit() or len(digits) > 18:
        raise Unframed("a Content-Length that is no number")
    return int(digits)


def chunk(piece: bytes, last: bool) -> bytes:
    """One chunk (RFC 9112, 7.1), with the last chunk behind it where nothing follows."""
    if not piece:
        return b"0\r\n\r\n" if last else b""
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(piece), piece) if last else b"%x\r\n%b\r\n" % (len(piece), piece)


async def framed(body: AsyncIterator[bytes], length: int | None) -> AsyncIterator[bytes]:
    """A body as it is written: in chunks where `length` is None. Raises ValueError, before it gives a byte too many,
    for one that is not as long as it was said to be.
    """
    left = length or 0
    async for piece in body:
        left -= len(piece)
        if length is not None and left < 0:
            raise ValueError("the request's body is longer than its length")
        if piece:
            yield chunk(piece, False) if length is None else piece
    if length is None:
        yield chunk(b"", True)
    elif left:
        raise ValueError("the request's body is shorter than its length")
