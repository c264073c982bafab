"""From an exception to the problem that the client is told: one table, at one boundary."""

from __future__ import annotations

import logging

from kapagate.answer.codec import Garbled
from kapagate.answer.refusal import Refusal, Refused, RuleFailed, Withheld
from kapagate.answer.switches import SwitchedOff
from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.problem import BackendFailed, Kind, Problem
from kapagate.chain.response import Truncated

log = logging.getLogger(__name__)


def problem_of(cause: Exception, ex: Exchange) -> Problem:
    """The refusal for whatever a hook, the hop or the pump raised, with the id of the step it came from.

    That step's verdict says so: `refused`, or `failed` when it was not on purpose.
    """
    problem = cause if isinstance(cause, Problem) else _translated(cause)
    if not problem.step:
        problem.step = cause.step if isinstance(cause, Refused | Withheld | RuleFailed) else ex.step
    if problem.step:
        verdict = ex.verdict(problem.step)
        verdict.outcome = "refused" if isinstance(cause, Refusal) else "failed"
        verdict.reason = problem.kind.name
    if problem.kind.status >= 500:
        _log(problem, _reason(cause), ex)
    return problem


def forget_frames(cause: BaseException | None) -> None:
    """Of an exception and all that led to it. They hold the exchange, which holds the exception: a circle would wait
    for the garbage collector. What is raised again while it is handled may lead to itself.
    """
    if cause is None:
        return
    pending, seen = [cause], set[int]()
    while pending:
        each = pending.pop()
        if id(each) not in seen:
            seen.add(id(each))
            each.__traceback__ = None
            pending += [earlier for earlier in (each.__cause__, each.__context__) if earlier is not None]


def _log(problem: Problem, reason: BaseException | None, ex: Exchange) -> None:
    """One line; a traceback only for a bug, so that an outage does not fill disks."""
    why = "" if reason is None else f" ({reason!r})"
    bug = reason if problem.kind is problems.INTERNAL else None
    log.error("%s: %s%s", problem.kind.name, problem.detail, why, exc_info=bug, extra={"exchange": ex})


def _translated(cause: Exception) -> Problem:
    match cause:
        case Refused(kind=kind, words=words):
            detail = words or f"the answer was refused: it contains {kind}"
            return Problem(problems.ANSWER_REFUSED, detail, members={"rule": kind})
        case Withheld(kind=kind, words=words):
            return Problem(problems.ANSWER_REFUSED, words, members={"rule": kind})
        case Garbled():
            return _caused(problems.UPSTREAM_MALFORMED, "the upstream's answer cannot be read", cause)
        case Truncated():
            return _caused(problems.UPSTREAM_TRUNCATED, "the upstream's answer broke off", cause)
        case RuleFailed(cause=SwitchedOff()):
            said = "a guard was switched off while this was answered: ask again"
            return _caused(problems.UNAVAILABLE, said, cause, retry_after=1)
        case BackendFailed() | RuleFailed(cause=BackendFailed()):
            return _caused(problems.UNAVAILABLE, "a part of the gateway is not available", cause, retry_after=1)
    return _caused(problems.INTERNAL, "the gateway failed on this request", cause)


def _caused(kind: Kind, detail: str, cause: Exception, retry_after: float | None = None) -> Problem:
    problem = Problem(kind, detail, retry_after=retry_after)
    problem.__cause__ = cause
    return problem


def _reason(cause: Exception) -> BaseException | None:
    """What is logged: the exception that a hook or the hop raised, not the problem or wrapper around it."""
    if isinstance(cause, RuleFailed):
        return cause.cause
    return cause.__cause__ if isinstance(cause, Problem) else cause
