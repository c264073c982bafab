"""The port to the client: a head once, then pieces. `proxy/` stands behind it in production, a list in policy tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class Head(Struct, frozen=True):
    """The answer's head without framing. `length`: the body's bytes where known, else the sink frames it itself."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    length: int | None = None


class Sink(Protocol):
    """Both calls wait while the client reads slowly, and raise Gone when it left.

    `open` sends the head together with the first piece. It raises ValueError where the two cannot be written; then
    nothing was, and others may be. `last`: nothing follows; the message is ended properly. A first piece and a last one
    may be empty. An answer to HEAD, a 204 and a 304 have no body: their pieces are dropped here.
    """

    async def open(self, head: Head, piece: bytes, last: bool) -> None: ...
    async def write(self, piece: bytes, last: bool) -> None: ...
    def cut(self) -> None:
        """Ends the connection so that the client sees an unfinished message."""
