"""What each step decided about an exchange, in one word: of its request, its answer, or both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kapagate.answer.report import Report, StepReport
from kapagate.chain.compose import Placed
from kapagate.chain.exchange import Exchange
from kapagate.chain.options import When
from kapagate.chain.route import Route
from kapagate.chain.verdict import Decision
from kapagate.ledger.outcome import problem_of


def decisions_of(exchange: Exchange) -> dict[str, Decision]:
    """By the ids of the steps. What was decided of the answer stands over what was decided of the request."""
    found: dict[str, Decision] = {step: verdict.outcome for step, verdict in exchange.verdicts.items()}
    for step, share in exchange.report.steps.items():
        found[step] = _of_answer(step, share, exchange.report) or found.get(step, "passed")
    problem = problem_of(exchange)
    if problem is not None and found.get(problem.step) in ("passed", "changed"):
        found[problem.step] = "refused"
    return found


def _of_answer(step: str, share: StepReport, report: Report) -> Decision | None:
    if report.withheld == step:
        return "withheld"
    if share.would_refuse:
        return "refused"
    if share.edits or share.would_edit:
        return "changed"
    return "skipped" if share.skipped is not None else None


def possible(placed: Placed, routes: Iterable[Route]) -> frozenset[Decision]:
    """What a step can decide with its options, on one of these routes at least."""
    options, declared = placed.options, placed.declaration
    if declared is None or options.mode == "off" or not declared.decisions:
        return frozenset()
    meant = list(_covered(options.when, routes))
    by_role = options.when is not None and options.when.role is not None
    unseen = placed.step.needs and any(set(placed.step.needs).isdisjoint(route.shows) for route in meant)
    found = declared.decisions - {"withheld"} if options.mode == "shadow" else declared.decisions
    return found | {"skipped"} if options.on_error == "allow" or by_role or unseen else found


def _covered(when: When | None, routes: Iterable[Route]) -> Iterator[Route]:
    return (route for route in routes if when is None or any(when.covers(route, each) for each in route.methods))
