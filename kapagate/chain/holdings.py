"""Bytes that exchanges hold at once: bodies that steps look into, and answers that leave when they are whole.

What is known to be small is not counted: so much each exchange may hold, and their number is bounded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.chain.request import Body

SMALL = 64 << 10


class Holdings:
    """At most `most` bytes of all exchanges together, by each exchange's decision id."""

    __slots__ = ("_held", "_most", "_of")

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._of: dict[str, int] = {}

    def __len__(self) -> int:
        """How many exchanges hold some."""
        return len(self._of)

    def take(self, decision: str, size: int) -> None:
        """Raises Problem `unavailable` when that would be too many."""
        if self._held + size > self._most:
            raise Problem(problems.UNAVAILABLE, "too many bytes of bodies and answers are held", retry_after=1)
        self._held += size
        self._of[decision] = self._of.get(decision, 0) + size

    def give_back(self, decision: str) -> None:
        """All that the exchange holds."""
        self._held -= self._of.pop(decision, 0)

    def body(self, body: Body, decision: str) -> Body:
        """The request's body, counted where it is read whole."""
        is_small = body.length is not None and body.length <= SMALL
        return body if is_small else HeldBody(body, self, decision)

    def answer(self, body: AsyncIterator[bytes], length: int | None, decision: str) -> AsyncIterator[bytes]:
        """An answer that will be held, counted as it comes."""
        is_small = length is not None and length <= SMALL
        return body if is_small else HeldAnswer(body, self, decision)


class HeldBody:
    """A body whose bytes are counted before they are read whole. What streams through is not."""

    __slots__ = ("_body", "_decision", "_holdings", "length")

    def __init__(self, body: Body, holdings: Holdings, decision: str) -> None:
        self.length = body.length
        self._body = body
        self._holdings = holdings
        self._decision = decision

    def at_hand(self) -> bytes | None:
        return self._body.at_hand()

    def stream(self) -> AsyncIterator[bytes]:
        return self._body.stream()

    async def read(self, limit: int) -> bytes:
        if self.length is not None:
            if self.length <= limit:
                self._holdings.take(self._decision, self.length)
            return await self._body.read(limit)
        pieces, size = [], 0
        async for piece in self._body.stream():
            size += len(piece)
            if size > limit:
                raise Problem(problems.BODY_TOO_LARGE, f"the body may have at most {limit} bytes here")
            self._holdings.take(self._decision, len(piece))
            pieces.append(piece)
        return b"".join(pieces)


class HeldAnswer:
    """An answer's bytes, counted as they come."""

    __slots__ = ("_body", "_decision", "_holdings")

    def __init__(self, body: AsyncIterator[bytes], holdings: Holdings, decision: str) -> None:
        self._body = body
        self._holdings = holdings
        self._decision = decision

    def __aiter__(self) -> HeldAnswer:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._body.__anext__()
        self._holdings.take(self._decision, len(piece))
        return piece

    async def aclose(self) -> None:
        closing = getattr(self._body, "aclose", None)
        if closing is not None:
            await closing()
