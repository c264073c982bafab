"""An answer that passes as it is, and rules that may only look at it.

Every piece has left before it is looked at. Nobody waits for what the rules say, and nothing that goes wrong here is
told to anybody but their report: what cannot be read was not seen, and they are skipped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from kapagate.answer.codec import Codec
from kapagate.answer.pump import Flow
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules


class Watched:
    """The body itself, piece by piece. None of `rules` is binding; `codec` reads a copy of what passes."""

    def __init__(self, body: AsyncIterator[bytes], codec: Codec, rules: Sequence[AnswerRules], report: Report) -> None:
        own = Report(steps=report.steps)
        self._body = body
        self._names = [each.step for each in rules]
        self._report = own
        self._flow: Flow | None = Flow(codec, rules, codec.whole, own)
        self._passed = b""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._look()
        try:
            self._passed = await anext(self._body)
        except StopAsyncIteration:
            await self._end()
            raise
        return self._passed

    async def aclose(self) -> None:
        """The body is given up: so is the view of it."""
        closing = getattr(self._body, "aclose", None)
        if closing is not None:
            await closing()

    def _look(self) -> None:
        if self._flow is not None and self._passed:
            try:
                self._flow.feed(self._passed)
            except Exception as cause:
                self._leave(cause)
        self._passed = b""

    async def _end(self) -> None:
        if self._flow is not None:
            try:
                await self._flow.finish()
            except Exception as cause:
                self._leave(cause)
        self._flow = None

    def _leave(self, cause: Exception) -> None:
        self._flow = None
        for name in self._names:
            self._report.steps[name].skipped = f"cannot be read: {type(cause).__name__}"
