"""Added latency at fixed rates over a direct call, and while the policy is loaded again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvloop

from bench.entrant import bearer, full_chain, gateway, pass_through, peers
from bench.load import Question
from bench.paired import Plan
from bench.rate import at_rate, quantile
from bench.site import Site
from bench.variants import written

RATES = (100, 500, 1000)
DIRECT = "direct"
RELOAD_RATE = 500
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
_LENGTHS = {100: 2.0, 500: 1.0, 1000: 1.0}
"""Of a round, in rounds of the plan: the slower, the longer, for a quantile needs answers."""


def rates(site: Site, plan: Plan) -> dict[str, Any]:
    """By rate and entrant: the latencies' quantiles of all rounds together, and the middle of each."""
    known = peers()
    entrants = [known["nginx"], known["Envoy with Lua"], known["naive proxy"], pass_through(), full_chain()]
    found: dict[str, Any] = {}
    with site.whole_answers() as upstream, ExitStack() as stack:
        question = bearer()(site.keys, upstream)[0]
        asked: dict[str, tuple[int, Question]] = {DIRECT: (upstream.port, question)}
        for each in entrants:
            if not each.absent:
                running = stack.enter_context(each.started(site, upstream))
                asked[each.name] = running.port, each.questions(site.keys, upstream)[0]
        for port, each_question in asked.values():
            uvloop.run(at_rate(port, each_question, 500, plan.warm_up))
        for rate in RATES:
            seconds = plan.seconds * _LENGTHS[rate]
            found[str(rate)] = _of_rate(asked, rate, seconds, plan.rounds)
    return {
        "upstream": upstream.name,
        "absent": {each.name: each.absent for each in entrants if each.absent},
        "rates": found,
    }


def _of_rate(asked: dict[str, tuple[int, Question]], rate: int, seconds: float, rounds: int) -> dict[str, Any]:
    taken: dict[str, list[Sequence[float]]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, (port, question) in asked.items():
            taken[name].append(uvloop.run(at_rate(port, question, rate, seconds)))
    return {name: told(each) for name, each in taken.items()}


def told(rounds: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Milliseconds: quantiles of all, the longest, and both middle quantiles of each round."""
    together = [latency * 1e3 for each in rounds for latency in each]
    return {
        "count": len(together),
        **{name: quantile(together, share) for name, share in SHARES.items()},
        "most": max(together),
        "rounds": [[quantile(each, 0.5) * 1e3, quantile(each, 0.99) * 1e3] for each in rounds],
    }


def reload(site: Site, plan: Plan) -> dict[str, Any]:
    """The full chain at 500 requests/s: at rest, and while a policy file is edited every second."""
    places: list[Path] = []

    def policy(folder: Path) -> Path:
        places.append(written(folder))
        return places[-1]

    entrant = gateway("full chain", policy, bearer())
    with site.whole_answers() as upstream, entrant.started(site, upstream) as running:
        question = entrant.questions(site.keys, upstream)[0]
        seconds = plan.seconds * plan.rounds

        def measured(edit: Callable[[int], None] | None) -> dict[str, Any]:
            return told([uvloop.run(_with_edits(running.port, question, seconds, edit))])

        measured(None)
        return {
            "rate": RELOAD_RATE,
            "at rest": measured(None),
            "a tenant is edited": measured(lambda number: _edited(places[0] / "tenants" / "acme.yaml", number)),
            "the gateway is edited": measured(lambda number: _edited(places[0] / "gateway.yaml", number)),
        }


async def _with_edits(
    port: int, question: Question, seconds: float, edit: Callable[[int], None] | None
) -> Sequence[float]:
    async def edits() -> None:
        number = 0
        while edit is not None:
            await asyncio.sleep(1.0)
            edit(number := number + 1)

    editing = asyncio.create_task(edits())
    try:
        return await at_rate(port, question, RELOAD_RATE, seconds)
    finally:
        editing.cancel()


def _edited(file: Path, number: int) -> None:
    """The same file with one number in it that is another; the tenant's is in its name, the gateway's a limit."""
    lines = file.read_text().splitlines()
    for at, line in enumerate(lines):
        if line.startswith("display_name: "):
            lines[at] = f"display_name: Acme {number}"
        elif line.strip().startswith("max_length: "):
            lines[at] = f"{line.partition(':')[0]}: {4000 - number}"
    file.write_text("\n".join(lines) + "\n")
