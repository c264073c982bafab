"""A client's connection: one protocol, one parser, one task, one exchange at a time.

Theory of operation
-------------------
Bytes come in through `data_received`; where they go depends on what is being waited for:

    head       no request is in. Bytes go to the parser, at most `limits.head` of them until a head is complete. What
               the parser refuses is answered at once, and nothing more is read from this connection (`deaf`).
    body       a head is in, its body is not. Bytes go to the parser, which fills the reader behind the exchange's
               `Body`; the reader pauses the socket above `limits.queued`. Chunk extensions and trailers are dropped,
               and bounded: a body that is mostly framing is refused.
    next       the request is in whole, its exchange still runs. What comes now is the next request: it is held,
               unparsed, and above `limits.queued` the socket is paused. So pipelined requests are answered in order,
               and a client that leaves is noticed at once: we go on reading while the exchange runs.
    drain      the exchange has ended before the body did. The rest is thrown away, up to `limits.drained` and for
               `deadlines.linger`; when the message is complete the connection serves the next one.
    deaf       the connection will be closed: after a refusal it is half closed and input is thrown away for
               `deadlines.linger`: closing a socket with unread input resets it, and a reset takes the refusal along.

The first three are the intake's (`intake.py`). Its parser stops behind each message (`max_msg_queue_size=1`) and keeps
the rest; `_next_request` lets it go on. A request that offers an upgrade is the connection's last: the parser drops
what was pipelined behind it.

The task is born with the first request and ends with the connection. It alone runs exchanges, so an answer can only
follow the answer before it; an exchange that was admitted is always run, even when its client has left meanwhile.
Callbacks never answer while an exchange runs; they leave word: an exception in the reader (Gone, 408, 400),
`exchange.leave()`, the `_waiting` future that is set when the socket takes bytes again.

Deadlines are two moments, `read_deadline` and `write_deadline`; the listener's sweep calls `expire` when one has
passed. No request starts a timer of its own.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from typing import TYPE_CHECKING, cast

import orjson
from aiohttp.http_parser import RawRequestMessage
from aiohttp.http_writer import HttpVersion10
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from kapagate.chain import problems
from kapagate.chain.problem import Gone, Problem
from kapagate.chain.sink import Head
from kapagate.proxy import acceptance
from kapagate.proxy.body import NO_BODY, ReceivedBody
from kapagate.proxy.heads import CONTINUE
from kapagate.proxy.intake import Intake
from kapagate.proxy.reply import Reply

if TYPE_CHECKING:
    from kapagate.chain.exchange import Exchange
    from kapagate.proxy.terms import Terms

log = logging.getLogger(__name__)

NEVER = float("inf")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Downstream(asyncio.Protocol):
    """See above. `gone`: nothing can be sent any more. `blocked`: the client reads slowly, wait for `drained`."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.client = ""
        self.gone = False
        self.blocked = False
        self.expecting = False
        self.read_deadline = NEVER
        self.write_deadline = NEVER
        self._transport: asyncio.Transport
        self._intake: Intake
        self._task: asyncio.Task[None] | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._idle: asyncio.Future[None] | None = None
        self._turn: Exchange | Problem | None = None
        self._exchange: Exchange | None = None
        self._reply: Reply
        self._length: int | None = 0
        self._deaf = False
        self._draining = False
        self._dropped = 0

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        terms = self.terms
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.client = peer[0] if isinstance(peer, tuple) else ""
        self._intake = Intake(self, self._transport, terms.limits, terms.loop)
        self.read_deadline = terms.clock.monotonic() + terms.deadlines.head
        terms.connections.add(self)
        if terms.draining:
            self.retire()
        elif len(terms.connections) > terms.limits.connections:
            self.refuse(Problem(problems.UNAVAILABLE, "too many connections", retry_after=1))

    def connection_lost(self, exc: BaseException | None) -> None:
        self._leave()
        self.terms.connections.discard(self)
        self.terms.left()
        if self._task is None:
            self._let_go()

    def eof_received(self) -> None:
        """The client has closed its side and is taken as gone: a half-closed one cannot be told from a closed one."""
        self._leave()
        self.write_deadline = self.terms.clock.monotonic() + self.terms.deadlines.linger

    def data_received(self, data: bytes) -> None:
        if not self._deaf:
            self._intake.feed(data)
            if self._draining:
                self._drain()

    def pause_writing(self) -> None:
        self.blocked = True

    def resume_writing(self) -> None:
        self.blocked = False
        self._wake(None)

    # The intake's side

    def head_began(self) -> None:
        self.read_deadline = self.terms.clock.monotonic() + self.terms.deadlines.head

    def begin(self, message: RawRequestMessage, reader: StreamReader) -> None:
        """A head is in: the task takes it from here."""
        self.read_deadline = NEVER
        asked = not message.should_close and not message.upgrade
        try:
            acceptance.check(message, self.terms.limits.fields)
            acceptance.check_door(message, self.terms.hosts, self.terms.resets)
            self._turn = self._admitted(message, reader)
        except Problem as problem:
            self._turn = problem
            asked = False
        if isinstance(self._turn, Problem):
            self.terms.application.sign(self._turn, acceptance.headers_of(message))
        self._reply = Reply(self, message.method == "HEAD", message.version == HttpVersion10, asked)
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)
        elif self._task is None:
            self._task = self.terms.start(self._serve())

    def refuse(self, problem: Problem) -> None:
        """Answers what the parser or the door refused; no exchange runs."""
        self._deaf = True
        self.terms.application.sign(problem, None)
        self._tell(problem, Reply(self, False, False, False))
        self._close()

    def spoil(self, problem: Problem) -> None:
        """The rest of the body is lost: whoever reads it is told, and the connection ends behind the answer."""
        self._deaf = True
        if (reader := self._intake.unfinished) is not None:
            reader.set_exception(problem)
        if self._draining:
            self._close()

    def _admitted(self, message: RawRequestMessage, reader: StreamReader) -> Exchange | Problem:
        """The exchange, or why there is none; what is wrong with its framing was noticed before."""
        self._length = length = acceptance.body_length(message, reader)
        self.expecting = length != 0 and acceptance.expects_continue(message)
        try:
            return self.terms.application.admit(
                message.method,
                acceptance.target_of(message),
                acceptance.headers_of(message),
                NO_BODY if reader is EMPTY_PAYLOAD else ReceivedBody(reader, self, length),
                self.client,
                self.terms.secure,
            )
        except Problem as problem:
            return problem
        except Exception:
            log.exception("a request could not be admitted")
            return Problem(problems.INTERNAL, "the gateway failed")

    # The exchange's side

    async def _serve(self) -> None:
        while self._turn is not None or not self.gone:
            turn, self._turn = self._turn, None
            if turn is None:
                self._idle = self.terms.loop.create_future()
                await self._idle
                continue
            if isinstance(turn, Problem):
                self._tell(turn, self._reply)
            else:
                self._exchange = turn
                try:
                    await self.terms.application.run(turn, self._reply)
                except Exception:
                    log.exception("an exchange failed outside the engine")
                finally:
                    self._exchange = None
                    self._reply.cut()
            self._finish()
        self._let_go()

    def send(self, data: bytes) -> None:
        self._transport.write(data)

    async def drained(self) -> None:
        """Waits until the client has read enough. Raises Gone."""
        self._waiting = self.terms.loop.create_future()
        self.write_deadline = self.terms.clock.monotonic() + self.terms.deadlines.reader
        try:
            await self._waiting
        finally:
            self._waiting = None
            if not self.gone:
                self.write_deadline = NEVER

    @property
    def arrived(self) -> bool:
        """Whether the request is here whole."""
        return self._intake.unfinished is None

    def undrained(self) -> int | None:
        """The bytes of the request's body that are not here yet; None where they are too many to be thrown away."""
        if self._deaf:
            return None
        reader = self._intake.unfinished
        if reader is None or self._length is None:
            return 0
        left = self._length - reader.total_bytes
        return left if left <= self.terms.limits.drained else None

    def await_body(self) -> None:
        self.read_deadline = self.terms.clock.monotonic() + self.terms.deadlines.body_idle
        if self.expecting:
            self.expecting = False
            if not self.gone and not self._reply.opened:
                self._transport.write(CONTINUE)

    def body_came(self) -> None:
        self.read_deadline = NEVER

    def cut(self, reset: bool) -> None:
        """Closes so that an unfinished message stays unfinished; `reset` where a clean close would finish it."""
        if self.gone:
            return
        if reset:
            self._reset()
        else:
            self._close()

    # Between requests

    def _finish(self) -> None:
        """The answer has ended."""
        if self.gone:
            return
        if self._deaf or not self._reply.keep_alive:
            self._close()
        elif self._intake.unfinished is None:
            self._next_request()
        else:
            self._draining = True
            self._dropped = 0
            self.read_deadline = self.terms.clock.monotonic() + self.terms.deadlines.linger
            self._drain()

    def _drain(self) -> None:
        reader = self._intake.reader
        if reader is None or reader.exception() is not None:
            return
        self._dropped += len(reader.read_nowait(-1))
        if self._dropped > self.terms.limits.drained:
            self._close()
        elif reader.is_eof():
            self._draining = False
            self._next_request()

    def _next_request(self) -> None:
        self.expecting = False
        self.read_deadline = self.terms.clock.monotonic() + self.terms.deadlines.keep_alive
        self._intake.follow()
        if self.terms.draining:
            self.retire()

    # The end

    def expire(self, now: float) -> None:
        """A deadline has passed."""
        if self.write_deadline <= now:
            self._reset()
        elif self.read_deadline <= now:
            self.read_deadline = NEVER
            if self._intake.reader is not None and not self._draining:
                self.spoil(Problem(problems.REQUEST_TIMEOUT, "the body did not arrive in time"))
            elif self._intake.begun:
                self.refuse(Problem(problems.REQUEST_TIMEOUT, "the request did not arrive in time"))
            else:
                self._close()

    def retire(self) -> None:
        """The listener drains: an idle connection ends now, a busy one behind its answer."""
        if self._intake.reader is None and not self._deaf:
            self._close()

    def abort(self) -> None:
        """Ends at once, whatever runs."""
        self._transport.abort()

    def _tell(self, problem: Problem, reply: Reply) -> None:
        body = orjson.dumps(problem.document("", problem.correlation_id))
        self.terms.refused(problem, self.client)
        if not self.gone:
            headers = [*problem.headers(), (b"X-Correlation-ID", problem.correlation_id.encode("ascii"))]
            reply.start(Head(problem.kind.status, headers, len(body)), body, True)

    def _close(self) -> None:
        """Flushes and closes; half first where input may be under way that would turn the close into a reset."""
        intake = self._intake
        lingers = bool(intake.unfinished or self._deaf or intake.held) and self._transport.can_write_eof()
        self._deaf = True
        self._draining = False
        intake.held = b""
        deadlines = self.terms.deadlines
        self.read_deadline = NEVER
        self.write_deadline = self.terms.clock.monotonic() + (deadlines.linger if lingers else deadlines.reader)
        if lingers:
            intake.resume_reading()
            self._transport.write_eof()
        else:
            self._transport.close()

    def _reset(self) -> None:
        """A reset instead of a clean close: the client must not take what it has for the whole."""
        duplicate = self._transport.get_extra_info("socket").dup()
        with duplicate:
            duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def _leave(self) -> None:
        """The client has left: everybody who waits for it is told."""
        if self.gone:
            return
        self.gone = True
        for exchange in (self._exchange, self._turn):
            if exchange is not None and not isinstance(exchange, Problem):
                exchange.leave()
        self._intake.connected = False
        if (reader := self._intake.unfinished) is not None:
            reader.set_exception(Gone())
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)
        self._wake(Gone())

    def _let_go(self) -> None:
        """What refers to one another would wait for the garbage collector, and what was asked and answered with it."""
        self._intake.let_go()
        self._turn = None
        vars(self).pop("_reply", None)

    def _wake(self, failure: BaseException | None) -> None:
        waiting = self._waiting
        if waiting is None or waiting.done():
            return
        if failure is None:
            waiting.set_result(None)
        else:
            waiting.set_exception(failure)
