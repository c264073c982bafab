"""What the client's wire said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol

from msgspec import Struct

from kapagate.chain.edit import UNREAD
from kapagate.chain.headers import Headers


class Body(Protocol):
    """The request's body. It is either read whole or streamed, once. `at_hand` takes it where it came whole together
    with its head and its length, as most do; None: it is still to be read.

    `length`: its bytes where they are known beforehand (0: there is none), else None. Both ways raise Gone when the
    client leaves, Problem 408 when it stalls, Problem 413 above `limit` bytes, Problem 400 when its framing breaks.
    """

    @property
    def length(self) -> int | None: ...
    def at_hand(self) -> bytes | None: ...
    async def read(self, limit: int) -> bytes: ...
    def stream(self) -> AsyncIterator[bytes]: ...


class Kept:
    """A body that was read already: it gives its bytes again, or fails again as it failed. `document`: what they say,
    where they were parsed.
    """

    __slots__ = ("_data", "_failure", "document")

    def __init__(self, data: bytes = b"", failure: Exception | None = None, document: Any = UNREAD) -> None:
        self._data = data
        self._failure = failure
        self.document = document

    @property
    def length(self) -> int | None:
        return None if self._failure else len(self._data)

    def at_hand(self) -> bytes | None:
        return None if self._failure else self._data

    async def read(self, limit: int) -> bytes:
        """The bytes, whatever the limit: they passed one already."""
        if self._failure is not None:
            raise self._failure
        return self._data

    async def stream(self) -> AsyncIterator[bytes]:
        yield await self.read(0)


class Request(Struct):
    """`path` is canonical and percent-encoded, `query` raw without its `?`, `client` the true address without port.
    `host` is what the client called, where a trusted proxy says so.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: Body
    client: str = ""
    secure: bool = False
    host: str = ""
