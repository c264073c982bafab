"""The client's side of a call: the body that it sends, and what it gets."""

from __future__ import annotations

from collections.abc import AsyncIterator

from kapagate.chain import problems
from kapagate.chain.headers import Headers
from kapagate.chain.problem import Problem
from kapagate.chain.sink import Head


class Posted:
    """A request's body that came whole."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def length(self) -> int | None:
        return len(self._data)

    def at_hand(self) -> bytes | None:
        return self._data

    async def read(self, limit: int) -> bytes:
        if len(self._data) > limit:
            raise Problem(problems.BODY_TOO_LARGE, f"the body is longer than {limit} bytes")
        return self._data

    async def stream(self) -> AsyncIterator[bytes]:
        yield self._data


class Received:
    """`Sink` that keeps what the client gets; `whole`: the message was ended properly."""

    __slots__ = ("headers", "pieces", "status", "whole")

    def __init__(self) -> None:
        self.status = 0
        self.headers = Headers()
        self.pieces: list[bytes] = []
        self.whole = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    async def open(self, head: Head, piece: bytes, last: bool) -> None:
        self.status, self.headers = head.status, Headers(head.headers)
        await self.write(piece, last)

    async def write(self, piece: bytes, last: bool) -> None:
        self.pieces.append(piece)
        self.whole = last

    def cut(self) -> None:
        self.whole = False
