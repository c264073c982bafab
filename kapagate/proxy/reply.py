"""One answer on its way to the client: the sink that the engine writes to.

A reply belongs to one request. When it has ended, or its connection has, it writes nothing any more: what an exchange
says too late reaches nobody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kapagate.chain.problem import Gone
from kapagate.chain.sink import Head
from kapagate.proxy.framing import CHUNKED, CLOSE, LENGTH, NONE, chunk, frame_answer
from kapagate.proxy.heads import answer_head
from kapagate.proxy.reuse import stays_open

if TYPE_CHECKING:
    from kapagate.proxy.downstream import Downstream


class Overrun(ValueError):
    """More or fewer bytes than the head promised: a bug above, and the client sees an unfinished message."""


class Reply:
    """`asked`: the client wants its connection to stay. `keep_alive` is what it was told, once `opened`."""

    __slots__ = ("_asked", "_connection", "_framing", "_http10", "_left", "_to_head", "ended", "keep_alive", "opened")

    def __init__(self, connection: Downstream, to_head: bool, http10: bool, asked: bool) -> None:
        self._connection = connection
        self._to_head = to_head
        self._http10 = http10
        self._asked = asked
        self._framing = NONE
        self._left = 0
        self.keep_alive = False
        self.opened = False
        self.ended = False

    async def open(self, head: Head, piece: bytes, last: bool) -> None:
        self.start(head, piece, last)
        if self._connection.blocked:
            await self._connection.drained()

    async def write(self, piece: bytes, last: bool) -> None:
        if self.ended or self._connection.gone:
            raise Gone
        self._send(b"", piece, last)
        if self._connection.blocked:
            await self._connection.drained()

    def cut(self) -> None:
        """A close-delimited body must end in a reset: a clean end would be a complete message (RFC 9112, 8)."""
        if not self.ended:
            self.ended = True
            self.keep_alive = False
            self._connection.cut(reset=self._framing is CLOSE)

    def start(self, head: Head, piece: bytes, last: bool) -> None:
        """The head and the first piece in one write, without waiting. Raises Gone; ValueError for a bad head, and then
        nothing was written: another may be.
        """
        if self.opened or self._connection.gone:
            raise Gone
        length = len(piece) if last and head.length is None else head.length
        self._framing = framing = frame_answer(head.status, self._to_head, self._http10, length)
        connection = self._connection
        self.keep_alive = stays_open(
            asked=self._asked,
            framing=framing,
            draining=connection.terms.draining,
            expecting=connection.expecting and not connection.arrived,
            left=connection.undrained(),
        )
        if framing is LENGTH:
            self._left = length or 0
            lines = [b"Content-Length: %d" % self._left]
        elif framing is CHUNKED:
            lines = [b"Transfer-Encoding: chunked"]
        elif framing is NONE and head.length is not None and head.status != 204:
            lines = [b"Content-Length: %d" % head.length]
        else:
            lines = []
        if not self.keep_alive:
            lines.append(b"Connection: close")
        elif self._http10:
            lines.append(b"Connection: keep-alive")
        self._send(answer_head(head, lines, connection.terms.dates), piece, last)
        self.opened = True

    def _send(self, head: bytes, piece: bytes, last: bool) -> None:
        framing = self._framing
        if framing is LENGTH:
            self._left -= len(piece)
            if self._left < 0 or (last and self._left):
                if not head:
                    self.cut()
                raise Overrun("the body is not as long as its head says")
        elif framing is CHUNKED:
            piece = chunk(piece, last)
        elif framing is NONE:
            piece = b""
        if last:
            self.ended = True
        if head or piece:
            self._connection.send(head + piece)
