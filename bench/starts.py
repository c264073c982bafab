"""Cold start until `/readyz` says 200, memory when idle, and the guard window by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import orjson

from bench.entrant import FULL, PASSING, full_chain, pass_through
from bench.paired import Plan
from bench.process import ROOT
from bench.site import Site
from bench.subjects import SUBJECT_CORE
from bench.upstream import RECORDS

_ATTEMPTS = 5


def start(site: Site, plan: Plan) -> dict[str, Any]:
    """Seconds of each attempt, with bytecode at hand, and resident bytes a moment later."""
    found: dict[str, Any] = {}
    attempts = min(_ATTEMPTS, plan.rounds)
    with site.whole_answers() as upstream:
        for name, entrant in ((PASSING, pass_through()), (FULL, full_chain())):
            seconds = []
            idle = 0
            for attempt in range(attempts + 1):
                with entrant.started(site, upstream) as running:
                    time.sleep(0.3)
                    idle = running.process.resident_bytes()
                seconds += [running.ready] if attempt else []  # the first one writes the bytecode
            found[name] = {"ready": seconds, "idle": idle}
    return found


def window(site: Site, plan: Plan) -> dict[str, Any]:
    """Records per second through codec and guard window, without sockets; each arrives alone (`bench.answer`)."""
    code = "import orjson, bench.answer; print(orjson.dumps(bench.answer.figures()).decode())"
    ended = subprocess.run(
        ["taskset", "-c", str(SUBJECT_CORE), sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        check=True,
        timeout=120,
    )
    told = orjson.loads(ended.stdout)
    return {
        "microseconds": told,
        "records_per_second": RECORDS / told["40 records, each alone"] * 1e6,
        "records_per_second_in_one_chunk": RECORDS / told["40 records, in one chunk"] * 1e6,
    }
