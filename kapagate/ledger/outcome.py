"""How an exchange ended, in one word: the same word in records, metrics and logs."""

from __future__ import annotations

from typing import Literal

from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.problem import Gone, Problem
from kapagate.chain.response import Truncated
from kapagate.chain.verdict import PASSED

Outcome = Literal["answered", "refused", "failed", "gone", "lost"]

NO_STATUS = "499"


def outcome_of(exchange: Exchange, status: int = 0) -> Outcome:
    """`refused`: the policy said no. `failed`: the gateway or the other side could not. `gone`: the client left first.

    `lost` is only ever found out later, when the process died in between. `status`: what the client is about to be
    told, where it was told nothing yet.
    """
    status = status or exchange.status
    if exchange.refusal is None and exchange.broken is None and not exchange.gone and 0 < status < 400:
        return "answered"
    problem = problem_of(exchange)
    if problem is not None:
        return "failed" if problem.kind.status >= 500 else "refused"
    if isinstance(exchange.broken, Gone) or (exchange.gone and not status):
        return "gone"
    return "answered" if exchange.broken is None and 0 < status < 400 else "failed"


def problem_of(exchange: Exchange) -> Problem | None:
    """The problem that ended it, before its head left or after."""
    if exchange.refusal is not None:
        return exchange.refusal
    if isinstance(exchange.broken, Truncated):
        return Problem(problems.UPSTREAM_TRUNCATED, "the upstream's answer broke off")
    return exchange.broken if isinstance(exchange.broken, Problem) else None


def uneventful(exchange: Exchange) -> bool:
    """Whether every step let it pass and every guard held on the whole answer, with nothing found. Nearly always."""
    verdicts, report = exchange.verdicts, exchange.report
    if [*verdicts.values()].count(PASSED) < len(verdicts):
        return False
    for share in report.steps.values():
        if not share.binding or share.edits or share.skipped is not None or share.end_is_due:
            return False
        if share.score is not None:
            return False
        if share.checked is None or share.checked < report.released:
            return False
    return True


def status_of(exchange: Exchange) -> str:
    """The status as a label. A client that left before it was told one is counted as 499, as proxies do."""
    return str(exchange.status) if exchange.status else NO_STATUS
