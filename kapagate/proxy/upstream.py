"""A connection to an upstream: one protocol, one parser, one question at a time.

Theory of operation
-------------------
    idle       in the pool, for `idles` seconds at most, fewer where its first answer said when the upstream closes.
               Any byte, and any end, closes it: what is said unasked belongs to nobody. Before it is asked again the
               kernel is asked what the loop has not seen yet (`silent`). What is still under way then cannot be told
               from an answer by anybody: HTTP/1.1 numbers nothing.
    asked      `ask` has written the request's head, and its body when that was bytes. A streamed body is written by a
               task of its own (`_pump`) with back-pressure, so that an early answer is seen while it still goes out.
    head       bytes of the answer's head come: at most `HEAD` bytes and `FIELDS` fields. 1xx heads are skipped,
               `INTERIM` of them; 101 was never asked for and is a fault. The deadline is the first byte's, counted from
               the end of the request, and is not moved by drips.
    body       pieces go to the `Answer`; above `QUEUED` bytes the socket is paused, so a slow client slows its
               upstream. The idle deadline runs only while somebody waits for a piece. Chunk extensions and trailers
               are dropped, and bounded: a body that is mostly framing is a fault.
    over       the message is complete: `reuse.goes_back` decides, at the end of the read that completed it, so that
               surplus in the same read is seen. Whatever else ends it - fault, deadline, client gone, abandoned -
               closes the connection.

The parser is strict but leaves some things to us (see the design): HEAD ends at its headers (`_over` and a new parser);
fields behind the headers are trailers, and are dropped; a second message is a fault; a reason with control characters
is a fault; so is a transfer coding that it does not know, and a version that is not HTTP/1. It also skips empty lines
before and behind a message: `_feed_head` and `_followed` notice. Framing itself is `framing.read_answer`'s.

Faults are raised inside the parser's callbacks and come out of `feed_data`. Before the head is complete they are a
Problem, after it `Truncated`. They go to the answer; the connection keeps nothing.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Hashable
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from httptools import HttpParserError, HttpResponseParser

from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.chain.response import Truncated
from kapagate.proxy.framing import CHUNKED, CLOSE, NONE, Framing, Unframed, framed, read_answer
from kapagate.proxy.inbound import Answer, Unanswered
from kapagate.proxy.reuse import goes_back, idles_for
from kapagate.proxy.tls import is_ended

if TYPE_CHECKING:
    from kapagate.chain.exchange import Exchange
    from kapagate.proxy.pool import Pool

HEAD = 64 << 10
FIELDS = 200
INTERIM = 8
OVERHEAD = 8
VERSIONS = ("1.1", "1.0")
QUEUED = 64 << 10
NEVER = float("inf")
_OPENING = ord("H")
_LINES = 8
_LINE_ENDS = b"\r\n"
_PHRASES = frozenset(status.phrase.encode() for status in HTTPStatus)
_CONTROLS = bytes({*range(32), 127} - {9})


class Fault(Exception):
    """What the parser let through and we do not."""


class Upstream(asyncio.Protocol):
    """See above. `deadline`: when the pool's sweep calls `expire`. `lost`: it has ended. `asked`: once or more."""

    def __init__(self, pool: Pool, partition: Hashable) -> None:
        self.partition = partition
        self.deadline = NEVER
        self.lost = False
        self.asked = False
        self.idles = pool.endpoint.keep_alive_timeout
        self._told = False
        self._ended = False
        self._pool = pool
        self._transport: asyncio.Transport
        self._parser = HttpResponseParser(self)
        self._answer: Answer | None = None
        self.exchange: Exchange | None = None
        self._pumping: asyncio.Task[None] | None = None
        self._blocked: asyncio.Future[None] | None = None
        self._writable = True
        self._paused = False
        self._to_head = False
        self._reset()

    def _reset(self) -> None:
        """For the next answer."""
        self._headers: list[tuple[bytes, bytes]] = []
        self._framing: Framing = NONE
        self._head_bytes = 0
        self._interim = 0
        self._spare = HEAD
        self._sent_whole = True
        self._keep_alive = False
        self._over = False
        self._surplus = False
        self._last = b""
        self._blank = 0

    # The hop's side

    @property
    def silent(self) -> bool:
        """Whether it stands and nothing was said on it that the loop has seen, or, once it was asked, the kernel has:
        what that has before may be TLS's own.
        """
        return not self._transport.is_closing() and not (self.asked and self._heard.poll(0))

    def ask(
        self, head: bytes, body: bytes | AsyncIterator[bytes], length: int | None, to_head: bool, exchange: Exchange
    ) -> Answer:
        """Sends a request; its answer comes to what is returned. `length` None: the body goes in chunks."""
        self.asked = True
        self._to_head = to_head
        self.exchange = exchange
        self._answer = answer = Answer(self, exchange)
        exchange.times.sent = now = self._pool.clock.monotonic()
        self.deadline = now + self._pool.endpoint.first_byte_timeout
        if isinstance(body, bytes):
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._sent_whole = False
            self.deadline = NEVER
            self._pumping = self._pool.loop.create_task(self._pump(body, length))
        return answer

    def await_piece(self) -> None:
        """Somebody waits for a piece of the body."""
        self.deadline = self._pool.clock.monotonic() + self._pool.endpoint.idle_timeout

    def taken(self) -> None:
        """Everything that came was taken."""
        self.deadline = NEVER
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def abandon(self) -> None:
        """Nobody wants the answer any more, or the connection."""
        answer, self._answer = self._answer, None
        self._stop_pumping()
        if answer is not None:
            answer.fail(Truncated("abandoned"))
        self._transport.abort()

    def expire(self) -> None:
        """The deadline has passed."""
        if self._answer is None:
            self.close()
        else:
            self._fail(Problem(problems.UPSTREAM_TIMEOUT, "the upstream did not answer in time"))

    def close(self) -> None:
        """Of an idle connection."""
        self._transport.close()

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._heard = select.poll()
        self._heard.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def eof_received(self) -> None:
        """Nothing more comes; by TLS it is the end only if the other side said so (RFC 9112, 9.8)."""
        encrypted = self._transport.get_extra_info("ssl_object")
        self._ended = encrypted is None or is_ended(encrypted)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost = True
        self._pool.forget(self)
        self._stop_pumping()
        del self._parser  # it holds this connection
        answer, self._answer = self._answer, None
        if answer is None:
            return
        if self._framing is CLOSE and answer.status and self._ended:
            answer.finish()
        elif answer.status:
            answer.fail(Truncated("the upstream closed the connection in the middle of its answer"))
        elif self._head_bytes:
            answer.fail(_malformed())
        else:
            answer.fail(Unanswered())

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            self._transport.abort()
            return
        try:
            if answer.status:
                self._spare -= len(data)
                self._parser.feed_data(data)
                if self._spare < 0:
                    raise HttpParserError("the body is mostly framing")
            else:
                self._feed_head(answer, data)
        except HttpParserError as cause:
            self._surplus = True
            if not self._over:
                self._fail(Truncated("the upstream's answer cannot be read") if answer.status else _malformed(), cause)
                return
        self._blank = self._blank_behind(data) if data[-1] in _LINE_ENDS else 0
        if self._over:
            self._surplus = self._surplus or self._followed(data)
            self._end(answer)
        elif answer.queued > QUEUED and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        if self._blocked is not None and not self._blocked.done():
            self._blocked.set_result(None)

    # The parser's side

    def _feed_head(self, answer: Answer, data: bytes) -> None:
        if not self._head_bytes and data[0] != _OPENING:
            raise HttpParserError("no status line")
        room = HEAD - self._head_bytes
        piece = data if len(data) <= room else data[:room]
        self._head_bytes += len(piece)
        self._parser.feed_data(piece)
        if len(piece) < len(data) and (answer.status or self._over):
            self._parser.feed_data(data[len(piece) :])
        elif len(piece) == room and not answer.status:
            raise HttpParserError("the head is too large")

    def on_message_begin(self) -> None:
        if self._over:
            raise Fault("a second message")

    def on_status(self, reason: bytes) -> None:
        if reason not in _PHRASES and reason.translate(None, _CONTROLS) != reason:
            raise Fault("control characters in the reason")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._answer is not None and not self._answer.status:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        answer = self._answer
        status = self._parser.get_status_code()
        if answer is None or self._over:
            raise Fault("a second message")
        headers, self._headers = self._headers, []
        if 100 <= status < 200 and status != 101 and self._interim < INTERIM:
            self._interim += 1
            return
        version = self._parser.get_http_version()
        if not 200 <= status < 600 or len(headers) > FIELDS or version not in VERSIONS:
            raise Fault("a status, a head or a version that nobody asked for")
        try:
            self._framing, answer.length = read_answer(status, self._to_head, headers, version == "1.0")
        except Unframed as cause:
            raise Fault from cause
        self._keep_alive = self._parser.should_keep_alive()
        answer.headers = headers
        answer.status = status
        if self.exchange is not None:
            self.exchange.times.answered = self._pool.clock.monotonic()
        self.deadline = NEVER
        self._over = self._to_head
        answer.wake()

    def on_body(self, piece: bytes) -> None:
        if self._over or self._answer is None:
            raise Fault("a body where there is none")
        self._last = piece
        self._spare += OVERHEAD * len(piece)
        self._answer.feed(piece)

    def on_message_complete(self) -> None:
        if self._answer is not None and self._answer.status:
            self._over = True
            if self._framing is CHUNKED:
                self._keep_alive = self._parser.should_keep_alive()  # the trailers may have said otherwise

    # The request's body

    async def _pump(self, body: AsyncIterator[bytes], length: int | None) -> None:
        try:
            async for piece in framed(body, length):
                self._transport.write(piece)
                if not self._writable:
                    await self._drained()
            self._sent_whole = True
            self._expect_head_within(self._pool.endpoint.first_byte_timeout)
        except asyncio.CancelledError:
            raise
        except BaseException as cause:
            self._pumping = None
            self._fail(cause)

    async def _drained(self) -> None:
        self._blocked = self._pool.loop.create_future()
        self._expect_head_within(self._pool.endpoint.idle_timeout)
        try:
            await self._blocked
        finally:
            self._blocked = None
            self._expect_head_within(NEVER)

    def _expect_head_within(self, seconds: float) -> None:
        """Moves the deadline, unless the answer has begun: then it belongs to who waits for a piece."""
        if self._answer is not None and not self._answer.status:
            self.deadline = self._pool.clock.monotonic() + seconds

    def _stop_pumping(self) -> None:
        if self._pumping is not None:
            self._pumping.cancel()
            self._pumping = None

    # The end of an answer

    def _blank_behind(self, data: bytes) -> int:
        """The line ends behind what came so far, in bytes, those of `data` up to `_LINES` of them."""
        ending = data[-_LINES:]
        blank = len(ending) - len(ending.rstrip(_LINE_ENDS))
        return blank if blank < len(data) else self._blank + blank

    def _followed(self, data: bytes) -> bool:
        """Whether empty lines follow the message that ended in `data`: the parser skips them without a word. A message
        without a body, and one in chunks, ends with two line ends.
        """
        if self._last and self._framing is not CHUNKED:
            return not data.endswith(self._last) or not self._last.strip(_LINE_ENDS)
        return self._blank > 4

    def _end(self, answer: Answer) -> None:
        """The message is complete and so is the read that completed it."""
        self._answer = None
        self._stop_pumping()
        reusable = goes_back(
            complete=True,
            sent_whole=self._sent_whole,
            surplus=self._surplus,
            keep_alive=self._keep_alive,
            framing=self._framing,
        )
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        answer.finish()
        if not reusable:
            self._transport.abort()
            return
        if self._to_head:
            self._parser = HttpResponseParser(self)
        if not self._told:
            self._told = True
            self.idles = idles_for(answer.headers, self.idles)
        self._reset()
        self._pool.give_back(self)

    def _fail(self, failure: BaseException, cause: BaseException | None = None) -> None:
        answer, self._answer = self._answer, None
        self._stop_pumping()
        if cause is not None:
            failure.__cause__ = cause.__context__ or cause
        if answer is not None:
            answer.fail(failure)
        self._transport.abort()


def _malformed() -> Problem:
    return Problem(problems.UPSTREAM_MALFORMED, "the upstream's answer cannot be read")
