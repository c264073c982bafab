"""A second opinion on messages: strict, slow, and written without a look at the parsers of the gateway.

It reads only what a careful sender writes. Everything else is `Ambiguous`: for the oracle behind the gateway there is
no message that may be read in two ways.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(rb"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_CHUNK = re.compile(rb"([0-9a-f]{1,8})\r\n")


class Ambiguous(Exception):
    """What a careful sender never writes."""


@dataclass(frozen=True, slots=True)
class Message:
    """`fields` with names in lower case; `body` without framing."""

    start: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""

    def all(self, name: str) -> list[bytes]:
        return [value for key, value in self.fields if key == name.encode()]

    @property
    def status(self) -> int:
        return int(self.start.split(b" ")[1])

    @property
    def line(self) -> str:
        """Method and target."""
        return self.start.rpartition(b" ")[0].decode("ascii")


def read_request(data: bytes) -> tuple[Message, int] | None:
    """The first request and its size; None while it is not complete. Raises Ambiguous."""
    found = _head(data)
    if found is None:
        return None
    head, size = found
    if not re.fullmatch(rb"[A-Z]+ /[!-~]* HTTP/1\.1", head.start):
        raise Ambiguous(f"the request line {head.start!r}")
    if len(head.all("host")) != 1:
        raise Ambiguous(f"{len(head.all('host'))} Host fields")
    return _message(head, data, size, has_body=True, to_end=False)


def read_answer(data: bytes, *, bodiless: bool, ended: bool) -> tuple[Message, int] | None:
    """The first answer and its size. `ended`: the connection has; without framing that is the end of the body."""
    found = _head(data)
    if found is None:
        return None
    head, size = found
    if not re.fullmatch(rb"HTTP/1\.1 [1-5][0-9][0-9] [ -~]*", head.start):
        raise Ambiguous(f"the status line {head.start!r}")
    bodiless = bodiless or head.status in (204, 304) or head.status < 200
    framed = head.all("content-length") or head.all("transfer-encoding")
    if not bodiless and not framed and not ended:
        return None
    return _message(head, data, size, has_body=not bodiless, to_end=not framed)


def _head(data: bytes) -> tuple[Message, int] | None:
    raw, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        return None
    start, *lines = raw.split(b"\r\n")
    return Message(start, tuple(map(_field, lines))), len(raw) + 4


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    value = value.removeprefix(b" ")
    if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise Ambiguous(f"the field {line[:80]!r}")
    return name.lower(), value


def _message(head: Message, data: bytes, size: int, *, has_body: bool, to_end: bool) -> tuple[Message, int] | None:
    lengths, codings = head.all("content-length"), head.all("transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise Ambiguous("two framings")
    if not has_body:
        return head, size
    if codings:
        if codings != [b"chunked"]:
            raise Ambiguous(f"the coding {codings[0]!r}")
        return _chunked(head, data, size)
    if lengths and not re.fullmatch(rb"0|[1-9][0-9]{0,17}", lengths[0]):
        raise Ambiguous(f"the length {lengths[0]!r}")
    end = size + int(lengths[0]) if lengths else len(data) if to_end else size
    return (Message(head.start, head.fields, data[size:end]), end) if end <= len(data) else None


def _chunked(head: Message, data: bytes, at: int) -> tuple[Message, int] | None:
    body = b""
    while found := _CHUNK.match(data, at):
        length = int(found[1], 16)
        at, end = found.end() + length + 2, found.end() + length
        if at > len(data):
            return None
        if data[end:at] != b"\r\n":
            raise Ambiguous("a chunk that does not end where it says, or a trailer")
        if not length:
            return Message(head.start, head.fields, body), at
        body += data[found.end() : end]
    if len(data) - at > 10 or (b"\n" in data[at:]):
        raise Ambiguous(f"the chunk {data[at : at + 20]!r}")
    return None
