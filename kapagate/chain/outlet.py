"""The way out: the head opens once, with the first bytes that leave, after every opening hook had its word."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator

import orjson

from kapagate.chain.clock import Clock
from kapagate.chain.exchange import Exchange
from kapagate.chain.problem import Problem
from kapagate.chain.response import Response, once
from kapagate.chain.sink import Head, Sink
from kapagate.chain.step import OnOpening

log = logging.getLogger(__name__)


class Cut(Exception):
    """The answer is refused after its head left, and its wire has no words for that."""


class Outlet:
    """Writes one exchange's answer to its sink."""

    __slots__ = ("_clock", "_ex", "_opening", "_sink", "opened")

    def __init__(self, ex: Exchange, sink: Sink, clock: Clock) -> None:
        self._ex = ex
        self._sink = sink
        self._clock = clock
        self._opening: Iterator[tuple[str, OnOpening]] | None = None
        self.opened = False

    async def write(self, piece: bytes, last: bool) -> None:
        """Sends a piece; the first one takes the head along."""
        ex = self._ex
        if not self.opened:
            await self._prepare()
            self.opened = True
            ex.times.opened = self._clock.monotonic()
            ex.status = ex.response.status if ex.response else 500
            await self._sink.open(self._head(), piece, last)
        else:
            await self._sink.write(piece, last)
        ex.sent_bytes += len(piece)

    def refusal(self, problem: Problem) -> Response:
        """The answer that tells a refusal: a problem, or the codec's own last words. Raises Cut when there are none."""
        ex = self._ex
        if not self.opened:
            body = orjson.dumps(problem.document(ex.decision, ex.correlation_id))
            return Response.whole(problem.kind.status, problem.headers(), body)
        codec = ex.response.codec if ex.response else None
        words = codec.failure(problem.detail) if codec else None
        if words is None:
            raise Cut
        return Response(ex.status, body=once(words))

    async def _prepare(self) -> None:
        """Every opening hook once; one that fails refuses the answer, unless it is a refusal that opens."""
        ex = self._ex
        if self._opening is None:
            self._opening = iter(ex.chain.opening)
        for name, hook in self._opening:
            ex.step = name
            try:
                await hook(ex)
            except Exception:
                if ex.refusal is None:
                    raise
                log.exception("opening hook of step %s failed", ex.step, extra={"exchange": ex})

    def _head(self) -> Head:
        ex = self._ex
        response = ex.response
        headers = [*(response.headers if response else ()), *ex.headers_out]
        headers.append((b"X-Correlation-ID", ex.correlation_id.encode("ascii")))
        return Head(ex.status, headers, response.length if response else None)


async def with_last(body: AsyncIterator[bytes] | None) -> AsyncIterator[tuple[bytes, bool]]:
    """The pieces, one kept in hand, so that the last is known as the last before it leaves; one empty piece for no
    body.
    """
    held = b""
    if body is not None:
        async for piece in body:
            if held:
                yield held, False
            held = piece
    yield held, True
