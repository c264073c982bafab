"""`mode: shadow`: the step works on a fork of the exchange, and what it would have done becomes its verdict.

The fork shares what the wire said and the parsed body, and has its own edit, facts, headers and verdicts. Whoever
would have refused stays out of the later phases, as it would have been refused there. Stateful ports are compiled
under a prefix of the shadow's own.

What a shadow looks into is read for it. So a JSON body that passes it is parsed and written again: the same value, not
always the same bytes, whole where it is one JSON value, and without the fields that described the bytes (`ETag`). An
answer in another format passes as it came; one that only claims to be JSON is refused as the step itself would do it.
"""

from __future__ import annotations

from dataclasses import replace

from kapagate.answer.refusal import Refusal
from kapagate.answer.rules import Altered, AnswerRules
from kapagate.chain.exchange import Exchange
from kapagate.chain.problem import Problem
from kapagate.chain.response import Response
from kapagate.chain.step import OnOpening, OnSeal, Step
from kapagate.chain.verdict import Verdict


def shadow(step: Step, name: str) -> Step:
    """The step as a shadow of itself: it changes nothing, delays nothing that it does not read, and never fails."""
    twin = _Shadow(step, name)
    return replace(
        step,
        writes=frozenset(),
        on_request=step.on_request and twin.on_request,
        on_answer=step.on_answer and twin.on_answer,
        on_opening=step.on_opening and twin.waiting(step.on_opening),
        on_seal=step.on_seal and twin.waiting(step.on_seal),
        on_done=step.on_done and twin.on_done,
    )


class _Shadow:
    def __init__(self, step: Step, name: str) -> None:
        self._step = step
        self._name = name
        self._unbind = Altered(binding=False, lenient=True)

    async def on_request(self, ex: Exchange) -> None:
        copy = self._fork(ex)
        if copy is None or self._step.on_request is None:
            return
        verdict = self._verdict(ex)
        try:
            response = await self._step.on_request(copy)
        except Exception as cause:
            self._leave(ex, cause)
        else:
            _compare(verdict, copy, ex, response)
        verdict.counts = copy.verdict().counts

    def on_answer(self, ex: Exchange) -> AnswerRules | None:
        copy = self._fork(ex)
        if copy is None or self._step.on_answer is None:
            return None
        try:
            rules = self._step.on_answer(copy)
        except Exception as cause:
            self._leave(ex, cause)
            return None
        return rules and self._unbind(rules)

    def waiting(self, hook: OnOpening | OnSeal) -> OnOpening:
        async def on_phase(ex: Exchange) -> None:
            copy = self._fork(ex)
            if copy is not None:
                try:
                    await hook(copy)
                except Exception as cause:
                    self._leave(ex, cause)

        return on_phase

    def on_done(self, ex: Exchange) -> None:
        copy = self._fork(ex)
        if copy is not None and self._step.on_done is not None:
            self._step.on_done(copy)

    def _fork(self, ex: Exchange) -> Exchange | None:
        """The shadow's exchange, made when it is first needed and brought up to date; None when it has left."""
        if self._name not in ex.forks:
            ex.forks[self._name] = ex.fork(self._name)
        copy = ex.forks[self._name]
        if copy is not None:
            copy.catch_up()
        return copy

    def _verdict(self, ex: Exchange) -> Verdict:
        verdict = ex.verdict(self._name)
        verdict.mode = "shadow"
        return verdict

    def _leave(self, ex: Exchange, cause: Exception) -> None:
        verdict = self._verdict(ex)
        verdict.outcome = "refused" if isinstance(cause, Refusal) else "failed"
        verdict.reason = cause.kind.name if isinstance(cause, Problem) else type(cause).__name__
        ex.forks[self._name] = None


def _compare(verdict: Verdict, copy: Exchange, ex: Exchange, response: Response | None) -> None:
    """What the step would have done where it did not fail."""
    own = copy.verdict()
    changed = copy.edit != ex.edit or bool(copy.headers_out)
    verdict.outcome = "answered" if response is not None else "changed" if changed else own.outcome
    verdict.reason = own.reason
