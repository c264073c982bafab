"""What goes back: a status, header fields, a body in pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from msgspec import Struct, field

from kapagate.answer.codec import Codec


class Truncated(Exception):
    """The upstream's body broke off: the client must see an unfinished message, never a clean end."""


async def once(piece: bytes) -> AsyncIterator[bytes]:
    """A body of one piece."""
    yield piece


class Response(Struct):
    """An answer of the upstream or of the gateway itself.

    `body` yields non-empty pieces; it may raise Truncated, Problem or Gone. `length` is the body's length in bytes
    where it is known beforehand. `codec` None: the body is nobody's business and passes as it is. `local`: the gateway
    wrote it.
    """

    status: int
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: AsyncIterator[bytes] | None = None
    length: int | None = None
    codec: Codec | None = None
    local: bool = False

    @classmethod
    def whole(cls, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> Response:
        """A local answer whose bytes are at hand."""
        return cls(status, list(headers), once(body) if body else None, len(body), local=True)
