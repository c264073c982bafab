"""What is measured in paired rounds: answers of three sizes, streams, and what filters, tenants and terms cost."""

from __future__ import annotations

from typing import Any

from bench.entrant import (
    FULL,
    LONGEST_ANSWER,
    Entrant,
    full_chain,
    gate,
    gateway,
    many_askers,
    pass_through,
    peers,
    variant,
)
from bench.paired import Contest, Plan
from bench.site import Site
from bench.upstream import ANSWER
from bench.variants import keys_of, steps, with_longest_answer, with_series, with_terms, written

NAIVE = "naive proxy"
CHEAP = ("nginx", "HAProxy", "Envoy, native", "Envoy with Lua", NAIVE)
ASKERS = 10_000
TENANTS = (1, 100, 10_000)
TERMS = (1, 20, 200)


def whole(site: Site, plan: Plan, size: int = len(ANSWER), ai_gateways: bool = True) -> dict[str, Any]:
    """Answers of one size. Longer ones than the policy allows need a higher limit, in Envoy's Lua as in ours."""
    longest = max(LONGEST_ANSWER, 2 * size)
    known = peers(longest_answer=longest)
    ours = full_chain() if longest == LONGEST_ANSWER else variant(FULL, with_longest_answer(longest))
    others = [each for name, each in known.items() if ai_gateways or name in CHEAP]
    entrants = [*others, pass_through(), *([gate()] if size == len(ANSWER) else []), ours]
    with site.whole_answers(size) as upstream:
        return Contest(entrants, upstream, NAIVE).held(site, plan)


def streams(site: Site, plan: Plan) -> dict[str, Any]:
    """40 records each. Our own client asks, and its count is checked against nginx's (`bench.census`)."""
    known = peers(streamed=True)
    entrants = [*(known[name] for name in CHEAP), pass_through(streamed=True), full_chain(streamed=True)]
    with site.records() as upstream:
        return Contest(entrants, upstream, NAIVE, whole=False).held(site, plan)


def filters(site: Site, plan: Plan) -> dict[str, Any]:
    """One step more each time: the difference is what it costs. The first is behind the hop to Kapa alone."""
    added = steps()
    entrants = [variant(f"+ {name}" if at else name, edit) for at, (name, edit) in enumerate(added)]
    with site.whole_answers() as upstream:
        return Contest([*entrants, full_chain()], upstream, entrants[0].name).held(site, plan)


def tenants(site: Site, plan: Plan) -> dict[str, Any]:
    """The same ten thousand people, in one tenant, a hundred, ten thousand: what differs is the tenants alone.

    Connections to the upstream are of one tenant each, so where all of them ask in turn none finds one that is open:
    that is the worst there is. The last entrant has as many tenants, of which a hundred ask.
    """
    entrants = [*(_of_tenants(count, count) for count in TENANTS), _of_tenants(TENANTS[-1], 100)]
    with site.whole_answers() as upstream:
        return Contest(entrants, upstream, entrants[0].name).held(site, plan)


def _of_tenants(count: int, asking: int) -> Entrant:
    name = f"{count:,} tenants" if count > 1 else "1 tenant"
    return gateway(
        name if asking == count else f"{name}, {asking} ask",
        lambda folder: written(folder, with_series, tenants=count),
        many_askers(ASKERS, asking),
        keys_of(count),
    )


def patterns(site: Site, plan: Plan) -> dict[str, Any]:
    """Blocked terms in question and answer, beside personal data."""
    entrants = [variant(f"{count} terms" if count > 1 else "1 term", with_terms(count)) for count in TERMS]
    with site.whole_answers() as upstream:
        return Contest([full_chain(), *entrants], upstream, entrants[0].name).held(site, plan)


def quick(site: Site, plan: Plan) -> dict[str, Any]:
    """What CI can afford: answers of 600 bytes, without those that take seconds to start."""
    return whole(site, plan, ai_gateways=False)
