"""`make bench-quick`: one paired run of a minute or two, on loopback, that says where we stand.

Subjects run beside one another, each pinned to one core, and are asked in turn (A B C A B C ...), so that whatever
else the machine does hits all of them; load generator and upstream have the other core. The first figure is CPU per
answer of the process under test, from /proc: unlike the rate it does not depend on who else wants the core.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import click
import orjson
import uvloop

from bench.figures import Round, Spread, figures
from bench.load import ask
from bench.machine import facts
from bench.process import ROOT, Process, cpu_seconds, started
from bench.subjects import (
    OTHER_CORE,
    SUBJECT_CORE,
    Gateway,
    Subject,
    gateways,
    made_keys,
    questions,
    running_upstream,
)
from bench.table import start_up, table

RESULTS = ROOT / "bench" / "results" / "quick.json"
REFERENCES = {
    "naive": "naive",
    "pass-through": "naive",
    "full chain": "naive",
    "naive, stream": "naive, stream",
    "full chain, stream": "naive, stream",
}


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=2.0, show_default=True, help="Of each subject in each round.")
@click.option("--only", multiple=True, help="Subjects to measure; all when left out.")
def main(rounds: int, seconds: float, only: tuple[str, ...]) -> None:
    """Requests per second and CPU per request of the gateway, beside a naive proxy; time to ready and idle memory."""
    if {SUBJECT_CORE, OTHER_CORE} - os.sched_getaffinity(0):
        sys.exit("this needs two cores: one for who is measured, one for who asks and answers")
    os.sched_setaffinity(0, {OTHER_CORE})
    with tempfile.TemporaryDirectory(prefix="kapagate-bench-") as directory, running_upstream() as (upstream, url):
        passing, full = gateways(url, Path(directory, "state.db"), made_keys())
        ready, idle = _start_ups({"pass-through": passing, "full chain": full})
        print(start_up(ready, idle), flush=True)
        with _subjects(url, Path(directory, "measured.db"), only) as subjects:
            measured = uvloop.run(_measured(subjects, upstream, rounds, seconds))
    told = figures(measured, {name: _present(REFERENCES[name], measured) for name in measured})
    print(table(told))
    found = {
        "machine": facts(),
        "figures": {name: asdict(each) for name, each in told.items()},
        "ready_seconds": {name: asdict(each) for name, each in ready.items()},
        "idle_bytes": idle,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    print(f"written to {RESULTS.relative_to(ROOT)}")


def _present(reference: str, measured: dict[str, list[Round]]) -> str:
    return reference if reference in measured else next(iter(measured))


def _start_ups(measured: dict[str, Gateway]) -> tuple[dict[str, Spread], dict[str, int]]:
    """Seconds to ready, the median of three with bytecode at hand, and resident bytes a moment later."""
    ready, idle = {}, {}
    for name, gateway in measured.items():
        seconds = []
        for attempt in range(4):
            with gateway.started() as (process, _, took):
                time.sleep(0.3)
                idle[name] = process.resident_bytes()
            seconds += [took] if attempt else []  # the first one writes the bytecode
        ready[name] = Spread.of(seconds)
    return ready, idle


@contextmanager
def _subjects(url: str, state: Path, only: tuple[str, ...]) -> Iterator[list[Subject]]:
    """All of them at once, in front of the same upstream. Streams go to the processes that answer whole, too."""
    keys = made_keys()
    asked = questions(keys)
    with ExitStack() as stack:
        naive = stack.enter_context(started(["bench.peers.naive.proxy", url], SUBJECT_CORE))
        serving = {"naive": (naive, int(naive.first_line()))}
        for name, gateway in zip(("pass-through", "full chain"), gateways(url, state, keys), strict=True):
            process, port, _ = stack.enter_context(gateway.started())
            serving[name] = process, port
        yield [
            Subject(name, *serving[name.partition(",")[0]], question)
            for name, question in asked.items()
            if not only or name in only
        ]


async def _measured(subjects: list[Subject], upstream: Process, rounds: int, seconds: float) -> dict[str, list[Round]]:
    measured: dict[str, list[Round]] = {each.name: [] for each in subjects}
    for each in subjects:
        await ask(each.port, each.question, 0.5)
    for _ in range(rounds):
        for each in subjects:
            measured[each.name].append(await measured_round(each, upstream, seconds))
    return measured


async def measured_round(subject: Subject, upstream: Process, seconds: float) -> Round:
    own, others, begun = subject.process.cpu_seconds(), _others(upstream), time.perf_counter()
    answers = await ask(subject.port, subject.question, seconds)
    took, cpu, other = time.perf_counter() - begun, subject.process.cpu_seconds() - own, _others(upstream) - others
    await asyncio.sleep(0.1)  # what the subject still writes is not the next one's
    return Round(answers, took, cpu, other)


def _others(upstream: Process) -> float:
    return cpu_seconds(os.getpid()) + upstream.cpu_seconds()


if __name__ == "__main__":
    main()
