"""The way out: opening hooks, then the head with the first bytes that leave; seal hooks before the last bytes.

Each of these hooks runs at most once per exchange. One that fails refuses the answer, and those behind it run for the
refusal; one that fails while a refusal leaves is passed over, so that the client gets its 401 and not a cut.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import orjson

from kapagate.chain.clock import Clock
from kapagate.chain.exchange import Exchange
from kapagate.chain.problem import Problem
from kapagate.chain.response import Response, once
from kapagate.chain.sink import Head, Sink
from kapagate.chain.step import OnOpening, OnSeal

log = logging.getLogger(__name__)
Hooks = Iterator[tuple[str, OnOpening | OnSeal]]


class Cut(Exception):
    """The answer is refused after its head left, and its wire has no words for that."""


class Outlet:
    """Writes one exchange's answer to its sink."""

    __slots__ = ("_clock", "_ex", "_opening", "_seal", "_sink", "opened")

    def __init__(self, ex: Exchange, sink: Sink, clock: Clock) -> None:
        self._ex = ex
        self._sink = sink
        self._clock = clock
        ex.report.clock = clock.monotonic
        self._opening: Hooks | None = None
        self._seal: Hooks | None = None
        self.opened = False

    async def write(self, piece: bytes, last: bool) -> None:
        """Sends a piece. The first one takes the head along; before the last one the answer is sealed."""
        ex = self._ex
        ex.step = ""
        if ex.report.identifiers is not None:
            await self._identify()
        if not self.opened and ex.chain.opening:
            if self._opening is None:
                self._opening = iter(ex.chain.opening)
            await self._run(self._opening)
        if last and ex.chain.seal:
            if self._seal is None:
                self._seal = iter(ex.chain.seal)
            ex.sealing = len(piece)
            await self._run(self._seal)
        if self.opened:
            if not ex.times.told and ex.report.delivered:
                ex.times.told = self._clock.monotonic()
            await self._sink.write(piece, last)
        else:
            head = self._head()
            self.opened = True
            if not ex.gone:
                ex.status = head.status
                ex.times.opened = self._clock.monotonic()
                if ex.report.delivered:
                    ex.times.told = ex.times.opened
            try:
                await self._sink.open(head, piece, last)
            except ValueError:
                self.opened, ex.status = False, 0
                raise
        ex.sent_bytes += len(piece)

    def refusal(self, problem: Problem) -> Response:
        """The answer that tells a refusal: a problem, or the codec's own last words. Raises Cut when there are none."""
        ex = self._ex
        if not self.opened:
            if ex.route.tells is not None:
                return ex.route.tells(ex, problem)
            body = orjson.dumps(problem.document(ex.decision, ex.correlation_id))
            return Response.whole(problem.kind.status, problem.headers(), body)
        codec = ex.response.codec if ex.response else None
        words = codec.failure(problem.detail) if codec else None
        if words is None:
            raise Cut
        return Response(ex.status, body=once(words))

    async def _identify(self) -> None:
        """The identifiers that leave with the next piece wait until the upstream's own step has noted them; with a
        refusal none leave.
        """
        ex = self._ex
        identifiers, ex.report.identifiers = ex.report.identifiers, None
        if ex.chain.identifiers is not None and identifiers is not None and ex.refusal is None:
            ex.step, hook = ex.chain.identifiers
            await hook(ex, identifiers)
            ex.step = ""

    async def _run(self, hooks: Hooks) -> None:
        """Every hook once per exchange; one that fails refuses the answer, unless it is a refusal that leaves."""
        ex = self._ex
        for name, hook in hooks:
            ex.step = name
            try:
                await hook(ex)
            except Exception:
                if ex.refusal is None:
                    raise
                log.exception("a hook of step %s failed beside a refusal", name, extra={"exchange": ex})
        ex.step = ""

    def _head(self) -> Head:
        ex = self._ex
        response = ex.response
        headers = [*(response.headers if response else ()), *ex.headers_out, *ex.generation.headers]
        headers.append((b"X-Correlation-ID", ex.correlation_id.encode("ascii")))
        return Head(response.status if response else 500, headers, response.length if response else None)
