"""Whether a guard can see what it guards on a route, and what follows when it cannot."""

from __future__ import annotations

from collections.abc import Set

from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.problem import Problem
from kapagate.chain.route import Surface


def within_reach(ex: Exchange, surfaces: Set[Surface]) -> bool:
    """Whether the exchange's route shows one of the surfaces; when not, the verdict of the step at work says why.

    Raises Problem where the route hides one and says `on_uninspectable: refuse`; a request without a body has no
    question to hide.
    """
    route = ex.route
    if not surfaces.isdisjoint(route.shows):
        return True
    hidden = surfaces & route.hides
    if route.on_uninspectable == "refuse":
        if "question" in hidden and ex.request.body.length != 0:
            raise Problem(problems.UNSUPPORTED_MEDIA, "the body of this request cannot be inspected")
        if hidden - {"question"}:
            raise Problem(problems.UPSTREAM_UNINSPECTABLE, "what this would be answered cannot be inspected")
    verdict = ex.verdict()
    verdict.outcome, verdict.reason = "skipped", "uninspectable" if hidden else "nothing_to_guard"
    return False
