"""One answer on its way in: its head, then its body as an iterator.

It belongs to one exchange and outlives its connection's interest in it: when the message is complete the connection
goes back to the pool at once, while the pieces wait here. So nothing that a connection says later can reach this
exchange.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kapagate.chain import problems
from kapagate.chain.problem import Gone, Problem

if TYPE_CHECKING:
    from kapagate.chain.exchange import Exchange
    from kapagate.proxy.upstream import Upstream


class Unanswered(Problem):
    """The connection ended before a byte of the answer came."""

    def __init__(self) -> None:
        super().__init__(problems.UPSTREAM_UNREACHABLE, "the upstream closed the connection without an answer")


class Answer:
    """`status` is 0 until the head is complete; `complete` when the message is; `failure` is what ended it instead.

    Iterating gives all that came meanwhile as one piece, so that what came together is decoded, guarded and sent
    together, and raises `failure` behind what came before it.
    """

    __slots__ = (
        *(
            "_connection",
            "_exchange",
            "_pieces",
            "_waiting",
            "complete",
            "failure",
            "headers",
            "length",
            "queued",
            "status",
        ),
    )

    def __init__(self, connection: Upstream, exchange: Exchange) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.length: int | None = None
        self.complete = False
        self.failure: BaseException | None = None
        self.queued = 0
        self._pieces: list[bytes] = []
        self._waiting: asyncio.Future[None] | None = None
        self._connection: Upstream | None = connection
        self._exchange: Exchange | None = exchange
        exchange.when_gone = self.leave

    # The hop's side

    def change(self) -> asyncio.Future[None]:
        """What to wait for: it is done when the head, a piece, the end or a failure has come."""
        self._waiting = waiting = asyncio.get_running_loop().create_future()
        return waiting

    def __aiter__(self) -> Answer:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self.failure is not None:
                raise self.failure
            if self.complete:
                raise StopAsyncIteration
            if self._connection is not None:
                self._connection.await_piece()
            await self.change()
        pieces, self._pieces = self._pieces, []
        self.queued = 0
        if self._connection is not None:
            self._connection.taken()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def aclose(self) -> None:
        """Nobody wants the rest: an unfinished message costs its connection."""
        if self._connection is not None:
            self._connection.abandon()

    def leave(self) -> None:
        """The client has left."""
        self._pieces.clear()
        connection = self._connection
        self.fail(Gone())
        if connection is not None:
            connection.abandon()

    # The connection's side

    def feed(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.queued += len(piece)
        self.wake()

    def finish(self) -> None:
        self.complete = True
        self._release()

    def fail(self, failure: BaseException) -> None:
        if not self.complete and self.failure is None:
            self.failure = failure
            self._release()

    def wake(self) -> None:
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            if not waiting.done():
                waiting.set_result(None)

    def _release(self) -> None:
        """Of the exchange too, which holds this answer: a circle would wait for the garbage collector."""
        exchange, self._connection, self._exchange = self._exchange, None, None
        if exchange is not None and exchange.when_gone == self.leave:
            exchange.when_gone = None
        self.wake()
