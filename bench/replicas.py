"""Two replicas on two cores against one on one: what more cores are for is more replicas.

It takes four cores, for each replica has an upstream and a generator of its own on another core.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.paired import Plan
from bench.process import ROOT
from bench.roster import WRK
from bench.site import Site
from bench.subjects import LIMITS, Gateway, questions
from bench.wrk import asked, written

CORES = 4


def replicas(site: Site, plan: Plan) -> dict[str, Any]:
    """`times`: answers per second of both over those of one, the middle of the rounds."""
    program, cores = WRK(), list(range(os.cpu_count() or 1))
    if program is None or len(cores) < CORES:
        return {"absent": {"two replicas": f"needs wrk and {CORES} cores, here are {len(cores)}"}}
    return measured(site, plan, program, cores[:2], cores[2:4])


def measured(site: Site, plan: Plan, program: Path, own: Sequence[int], others: Sequence[int]) -> dict[str, Any]:
    """On these cores: the replicas' own, and those of who asks and answers."""
    with ExitStack() as stack:
        ports = []
        for core in own:
            upstream = stack.enter_context(site.whole_answers())
            asks = {**site.keys.environment(upstream.url, upstream.url, str(site.place() / "state.db")), **LIMITS}
            _, port, _ = stack.enter_context(Gateway(ROOT / "policies", asks, core=core).started())
            os.sched_setaffinity(upstream.process.child.pid, others)
            ports.append(port)
        file = written([questions(site.keys)["full chain"].request], site.place() / "requests")
        os.sched_setaffinity(0, others)

        def rate(of: Sequence[int]) -> float:
            with ThreadPoolExecutor(len(of)) as pool:
                both = pool.map(lambda port: asked(program, port, file, plan.seconds), of)
                return sum(answers / seconds for answers, seconds in both)

        rate(ports)
        rounds = [(rate(ports[:1]), rate(ports)) for _ in range(plan.rounds)]
    return {"rounds": rounds, "times": median(both / one for one, both in rounds)}
