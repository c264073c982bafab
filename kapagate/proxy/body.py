"""The request's body as the chain sees it: read whole within a limit, or streamed, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from aiohttp.streams import StreamReader

from kapagate.chain import problems
from kapagate.chain.problem import Problem


class Sender(Protocol):
    """The connection that a body comes from."""

    def await_body(self) -> None:
        """Somebody waits for bytes: the 100 goes out where the client asked for it, and the idle deadline runs."""

    def body_came(self) -> None:
        """Nobody waits any more."""


class ReceivedBody:
    """A body on its way in. The parser fills the reader, the reader's own limits pause the socket.

    What ends it before its time (Gone, Problem 408 or 400) is put into the reader by the connection.
    """

    __slots__ = ("_reader", "_sender", "length")

    def __init__(self, reader: StreamReader, sender: Sender, length: int | None) -> None:
        self._reader = reader
        self._sender = sender
        self.length = length

    def at_hand(self) -> bytes | None:
        return self._reader.read_nowait(-1) if self.length is not None and self._reader.is_eof() else None

    async def read(self, limit: int) -> bytes:
        if self.length is not None and self.length > limit:
            raise _too_large(limit)
        if self._reader.is_eof():
            return _within(limit, self._reader.read_nowait(-1))
        pieces = []
        size = 0
        while piece := await self._next():
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def stream(self) -> AsyncIterator[bytes]:
        while piece := await self._next():
            yield piece

    async def _next(self) -> bytes:
        """What came meanwhile, else what comes next; empty at the end."""
        reader = self._reader
        piece = reader.read_nowait(-1)
        if piece or reader.is_eof():
            return piece
        self._sender.await_body()
        try:
            while not piece and not reader.at_eof():
                piece, _ = await reader.readchunk()  # `readany`, woken by a chunk's end, does not look for an exception
            return piece
        finally:
            self._sender.body_came()


class NoBody:
    """The body of a request that has none."""

    length = 0

    def at_hand(self) -> bytes:
        return b""

    async def read(self, limit: int) -> bytes:
        return b""

    async def stream(self) -> AsyncIterator[bytes]:
        nothing: tuple[bytes, ...] = ()
        for piece in nothing:
            yield piece


NO_BODY = NoBody()


def _within(limit: int, body: bytes) -> bytes:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> Problem:
    return Problem(problems.BODY_TOO_LARGE, f"the body may have at most {limit} bytes here")
