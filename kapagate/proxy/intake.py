"""What comes from one client: heads, their bodies, and what is pipelined behind them.

The reading side of `downstream.py`, whose theory names its three states: head, body, next. It knows when to stop the
socket and what to refuse; what becomes of a request is its owner's business.

The parser is never fed beyond the end of a message: what is behind it is held here. For the parser takes the last
trailer of a chunked body for the first field of the next request (RFC 9110, 6.5: it must not), so that the request
behind such a body needs a parser of its own. A head ends with an empty line, a body after its length; in chunks it
ends where `chunks.py` says so, and the parser has to agree: its last byte is fed by itself.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from aiohttp import hdrs
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.proxy.acceptance import refusal_of
from kapagate.proxy.bounds import Limits
from kapagate.proxy.chunks import Chunks

_FIELDS_OF_ANY_HEAD = 1 << 16
_OVERHEAD = 8
_EMPTY_LINE = b"\r\n\r\n"
_LINE_END = b"\r\n"
_HTTP = b" HTTP/"
_HTTP_1 = b" HTTP/1"
_NAMED = 12  # bytes that hold ` HTTP/1.1` and its line's end


class Owner(Protocol):
    """The connection that an intake works for."""

    def head_began(self) -> None: ...
    def begin(self, message: RawRequestMessage, reader: StreamReader) -> None:
        """A head is complete; the reader is at its end where there is no body."""

    def refuse(self, problem: Problem) -> None:
        """No head can be read any more."""

    def spoil(self, problem: Problem) -> None:
        """The rest of the body cannot be read, and nothing behind it."""


class Intake:
    """`reader` is the body of the request that is in, None while a head is awaited. `begun`: a part of it is here.

    To the reader it is the protocol behind it: `connected`, `pause_reading`, `resume_reading`.
    """

    connected = True

    def __init__(
        self, owner: Owner, transport: asyncio.Transport, limits: Limits, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.reader: StreamReader | None = None
        self.held = b""
        self.paused = False
        self._owner = owner
        self._transport = transport
        self._limits = limits
        self._head_bytes = 0
        self._body_bytes = 0
        self._opening = 0
        self._seam = b""
        self._line: bytes | None = b""
        self._chunks: Chunks | None = None
        self._length = 0
        self._loop = loop
        self._parser = self._made_parser()

    def _made_parser(self) -> HttpRequestParser:
        return HttpRequestParser(
            cast(BaseProtocol, self),
            self._loop,
            self._limits.queued // 2,
            max_line_size=self._limits.target,
            max_field_size=self._limits.head + 1,
            max_headers=_FIELDS_OF_ANY_HEAD,
            auto_decompress=False,
            max_msg_queue_size=1,
        )

    @property
    def begun(self) -> bool:
        return self._head_bytes > 0

    @property
    def unfinished(self) -> StreamReader | None:
        """The reader of a body that has not come whole."""
        reader = self.reader
        return None if reader is None or reader.is_eof() else reader

    def feed(self, data: bytes) -> None:
        if self.reader is None:
            if self._head_bytes or not self._feed_whole_head(data):
                self._feed_head(data)
        elif self.reader.is_eof():
            self._hold(data)
        elif self._chunks is not None:
            self._feed_chunks(self.reader, self._chunks, data)
        else:
            self._feed_length(self.reader, data)

    def follow(self) -> None:
        """The request is done with: what was held, and what the parser kept, is the next one's."""
        held, self.held = self.held, b""
        self.reader = None
        if self._chunks is not None:
            self._chunks = None
            self._parser = self._made_parser()
        else:
            self._parser.message_consumed()
        self.resume_reading()
        if held:
            self.feed(held)

    def let_go(self) -> None:
        """The connection has ended, and so has whoever read from it: nothing is fed any more."""
        self.reader = None
        del self._parser, self._owner

    def pause_reading(self) -> None:
        if not self.paused:
            self.paused = True
            self._transport.pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        if self.paused and len(self.held) <= self._limits.queued and not self._transport.is_closing():
            self.paused = False
            self._transport.resume_reading()

    def _feed_whole_head(self, data: bytes) -> bool:
        """What `_feed_head` does with a head that came in one piece and says HTTP/1, as nearly all do; else it is False
        and nothing was fed.
        """
        end = data.find(_EMPTY_LINE) + len(_EMPTY_LINE)
        named = data.startswith(_HTTP_1, max(data.find(_LINE_END) - 9, 0)) and data[:1].isalpha()
        if not named or not len(_EMPTY_LINE) <= end < self._limits.head:
            return False
        self._opening = data[0]
        try:
            messages, _, _ = self._parser.feed_data(data if end == len(data) else data[:end])
        except HttpProcessingError as cause:
            self._owner.refuse(refusal_of(cause, self._opening))
            return True
        if not messages:
            self._owner.refuse(_unknown())
            return True
        self._begin(*messages[0])
        if end < len(data):
            self.feed(data[end:])
        return True

    def _feed_head(self, data: bytes) -> None:
        """A head may take several pieces. What is behind it is fed as what it then is."""
        while True:
            room = self._limits.head - self._head_bytes
            piece = self._up_to_its_end(data if len(data) <= room else data[:room])
            if piece and not self._head_bytes:
                self._opening = piece[0]
                self._owner.head_began()
            self._head_bytes += len(piece)
            try:
                messages, _, _ = self._parser.feed_data(piece)
            except HttpProcessingError as cause:
                self._owner.refuse(refusal_of(cause, self._opening))
                return
            if self._line is not None and not self._speaks_http(self._line, piece):
                self._owner.refuse(_unknown())
                return
            if messages:
                self._begin(*messages[0])
                if len(piece) < len(data):
                    self.feed(data[len(piece) :])
                return
            if self._line is None and self._seam == _EMPTY_LINE:
                self._owner.refuse(_unknown())
                return
            if len(piece) == room:
                self._owner.refuse(Problem(problems.HEAD_TOO_LARGE, "the request's head is too large"))
                return
            if len(piece) == len(data):
                return
            data = data[len(piece) :]

    def _speaks_http(self, line: bytes, piece: bytes) -> bool:
        """Whether the request line names HTTP as far as it is here; the parser takes RTSP and ICE for it (RFC 9112,
        2.3). `_line` is the end of what came of it before, None when it came whole.
        """
        line = piece if not line and piece[:1].isalpha() else (line + piece).lstrip(_LINE_END)
        end = line.find(_LINE_END)
        if end < 0:
            self._line = line[-_NAMED:]
            return True
        self._line = None
        return line.startswith(_HTTP, max(end - 9, 0))

    def _up_to_its_end(self, piece: bytes) -> bytes:
        """Nothing behind the empty line, which may have begun in the piece before."""
        seam = self._seam[-3:] if self._head_bytes else b""
        straddling = (seam + piece[:3]).find(_EMPTY_LINE)
        end = straddling + len(_EMPTY_LINE) - len(seam)
        if straddling < 0:
            found = piece.find(_EMPTY_LINE)
            end = len(piece) if found < 0 else found + len(_EMPTY_LINE)
        self._seam = (seam + piece[:end])[-4:]
        return piece[:end]

    def _begin(self, message: RawRequestMessage, reader: StreamReader) -> None:
        self.reader = reader
        self._chunks = Chunks() if message.chunked else None
        self._length = 0 if reader is EMPTY_PAYLOAD else int(message.headers.get(hdrs.CONTENT_LENGTH, 0))
        self._head_bytes = self._body_bytes = 0
        self._line = b""
        self._owner.begin(message, reader)

    def _feed_length(self, reader: StreamReader, data: bytes) -> None:
        left = self._length - reader.total_bytes
        if self._feed_body(reader, data[:left]) and left < len(data):
            self._hold(data[left:])

    def _feed_chunks(self, reader: StreamReader, chunks: Chunks, data: bytes) -> None:
        try:
            end = chunks.take(data)
        except ValueError:
            self._spoil()
            return
        last = end - 1 if chunks.over else end
        if not self._feed_body(reader, data[:last]):
            return
        agreed = not reader.is_eof()
        if agreed and chunks.over:
            if not self._feed_body(reader, data[last:end]):
                return
            agreed = reader.is_eof()
        if not agreed:
            self._spoil()
        elif end < len(data):
            self._hold(data[end:])

    def _feed_body(self, reader: StreamReader, data: bytes) -> bool:
        """Whether it can be read."""
        self._body_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except HttpProcessingError:
            self._spoil()
            return False
        if self._body_bytes > _OVERHEAD * (reader.total_bytes + self._limits.head) and not reader.is_eof():
            self._owner.spoil(Problem(problems.MALFORMED_REQUEST, "the body is mostly framing"))
            return False
        return True

    def _spoil(self) -> None:
        self._owner.spoil(Problem(problems.MALFORMED_REQUEST, "the body's framing is broken"))

    def _hold(self, data: bytes) -> None:
        self.held += data
        if len(self.held) > self._limits.queued:
            self.pause_reading()


def _unknown() -> Problem:
    """A head that ended and is no request of ours: of another protocol, or of HTTP/2 (RFC 9113, 3.4)."""
    return Problem(problems.MALFORMED_REQUEST, "speak HTTP/1.1")
