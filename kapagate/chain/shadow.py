"""`mode: shadow`: the step works on a fork of the exchange, and what it would have done becomes its verdict.

The fork shares what the wire said and the parsed body, and has its own edit, facts, headers and verdicts. Whoever
would have refused stays out of the later phases, as it would have been refused there. Stateful ports are compiled
under a prefix of the shadow's own.
"""

from __future__ import annotations

from dataclasses import replace

from kapagate.answer.rules import AnswerRules
from kapagate.chain.exchange import Exchange
from kapagate.chain.problem import Problem
from kapagate.chain.response import Response
from kapagate.chain.step import OnOpening, Step
from kapagate.chain.verdict import Verdict


def shadow(step: Step, name: str) -> Step:
    """The step as a shadow of itself: it changes nothing, delays nothing that it does not read, and never fails."""

    def fork(ex: Exchange) -> Exchange | None:
        if name not in ex.forks:
            ex.forks[name] = ex.fork(name)
        copy = ex.forks[name]
        if copy is not None:
            copy.catch_up()
        return copy

    async def on_request(ex: Exchange) -> Response | None:
        copy = fork(ex)
        if copy is not None and step.on_request is not None:
            verdict = _verdict(ex, name)
            try:
                response = await step.on_request(copy)
            except Exception as cause:
                _would_have_failed(verdict, cause)
                ex.forks[name] = None
            else:
                _compare(verdict, copy, ex, response)
            verdict.counts = copy.verdict(name).counts
        return None

    def on_answer(ex: Exchange) -> AnswerRules | None:
        copy = fork(ex)
        if copy is None or step.on_answer is None:
            return None
        verdict = _verdict(ex, name)
        try:
            rules = step.on_answer(copy)
        except Exception as cause:
            _would_have_failed(verdict, cause)
            ex.forks[name] = None
            return None
        return rules and replace(rules, binding=False, lenient=True)

    def on_done(ex: Exchange) -> None:
        copy = fork(ex)
        if copy is not None and step.on_done is not None:
            step.on_done(copy)

    def waiting(hook: OnOpening) -> OnOpening:
        async def on_phase(ex: Exchange) -> None:
            copy = fork(ex)
            if copy is not None:
                try:
                    await hook(copy)
                except Exception as cause:
                    _would_have_failed(_verdict(ex, name), cause)
                    ex.forks[name] = None

        return on_phase

    return replace(
        step,
        writes=frozenset(),
        on_request=step.on_request and on_request,
        on_answer=step.on_answer and on_answer,
        on_opening=step.on_opening and waiting(step.on_opening),
        on_seal=step.on_seal and waiting(step.on_seal),
        on_done=step.on_done and on_done,
    )


def _verdict(ex: Exchange, name: str) -> Verdict:
    verdict = ex.verdict(name)
    verdict.mode = "shadow"
    return verdict


def _compare(verdict: Verdict, copy: Exchange, ex: Exchange, response: Response | None) -> None:
    """What the step would have done where it did not fail."""
    own = copy.verdict(copy.step)
    changed = copy.edit != ex.edit or bool(copy.headers_out)
    verdict.outcome = "answered" if response is not None else "changed" if changed else own.outcome
    verdict.reason = own.reason


def _would_have_failed(verdict: Verdict, cause: Exception) -> None:
    refused = isinstance(cause, Problem)
    verdict.outcome = "refused" if refused else "failed"
    verdict.reason = cause.kind.name if isinstance(cause, Problem) else type(cause).__name__
