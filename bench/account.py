"""`python -m bench.account`: where each microsecond of a request through the full chain goes, as a table that adds up.

CPU per answer is measured without the sampler, the event loop's thread apart from the others; the samples of a second
gateway (`bench.sampled`) say in which shares the loop's is spent. Python takes a sample when it next enters a function
or turns in a loop, so a long call into C may count for the function behind it: read rooms, not single functions.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click
import orjson
import uvloop

from bench.load import Question, ask
from bench.process import Process
from bench.subjects import OTHER_CORE, gateways, made_keys, questions, running_upstream

LOOP = "event loop: polling, reading sockets, C parser callbacks, tasks"
WRITES = "writing to client and upstream (system calls)"
THREADS = "audit: SQLite, in the ledger's own thread"
_SPECIAL = {
    "cli/loop.py run_loop": LOOP,
    "proxy/downstream.py Downstream.send": WRITES,
    "proxy/upstream.py Upstream.ask": WRITES,
    "proxy/intake.py Intake._feed_head": "parsing the client's request (aiohttp's C parser)",
    "proxy/upstream.py Upstream._feed_head": "parsing the upstream's answer (httptools)",
}
_ROOMS = {
    "proxy": "hop: both ends, framing, heads, pool",
    "chain": "engine: admission, phases, options, outlet",
    "answer": "answer: codec, window, edits",
    "kapa": "Kapa: requests, paths, records",
    "upstreams": "Kapa: requests, paths, records",
    "guards": "personal data (re2)",
    "identity": "who asks: token, claims, pseudonyms",
    "schemes": "who asks: token, claims, pseudonyms",
    "ledger": "audit: record, place, file",
    "stores": "audit: record, place, file",
    "telemetry": "access log, metric series",
    "traffic": "rate limits",
    "filters": "filters: their own hooks",
}


def accounted(samples: Mapping[str, int], cost: float) -> list[tuple[str, float]]:
    """Microseconds by heading, the dearest first; they add up to `cost`."""
    total = sum(samples.values())
    found: Counter[str] = Counter()
    for place, count in samples.items():
        found[heading(place)] += count
    return [(name, cost * count / total) for name, count in found.most_common()]


def heading(place: str) -> str:
    """Of `room/file.py function`."""
    if place in _SPECIAL:
        return _SPECIAL[place]
    if place.startswith("stores/memory.py"):
        return _ROOMS["traffic"]
    return _ROOMS.get(place.partition("/")[0], "the rest")


@click.command()
@click.option("--seconds", default=6.0, show_default=True)
@click.option("--subject", default="full chain", show_default=True)
@click.option("--functions", default=0, show_default=True, help="How many single functions to list as well.")
def main(seconds: float, subject: str, functions: int) -> None:
    """Microseconds of CPU per answer, by what they are for."""
    os.sched_setaffinity(0, {OTHER_CORE})
    with tempfile.TemporaryDirectory(prefix="kapagate-bench-") as directory, running_upstream() as (_, url):
        keys = made_keys()
        passing, full = gateways(url, Path(directory, "state.db"), keys)
        gateway, question = passing if subject.startswith("pass") else full, questions(keys)[subject]
        with gateway.started() as (process, port, _):
            cost, on_loop = uvloop.run(_cost(process, port, question, seconds))
        target = Path(directory, "samples.json")
        with replace(gateway, runner=("bench.sampled", str(target))).started() as (process, port, _):
            process.child.send_signal(signal.SIGUSR1)
            uvloop.run(ask(port, question, seconds))
        samples: dict[str, int] = orjson.loads(target.read_bytes())
    for name, share in [*accounted(samples, on_loop), (THREADS, cost - on_loop), ("all of it", cost)]:
        print(f"{share:7.1f} us  {name}")
    total = sum(samples.values())
    for place, count in list(samples.items())[:functions]:
        print(f"{on_loop * count / total:7.1f} us  {place}")


async def _cost(process: Process, port: int, question: Question, seconds: float) -> tuple[float, float]:
    """CPU microseconds per answer: of the process, and of the event loop's thread."""
    await ask(port, question, 1.0)
    before = process.cpu_seconds(), process.loop_seconds()
    answers = await ask(port, question, seconds)
    after = process.cpu_seconds(), process.loop_seconds()
    cost, on_loop = ((end - start) / answers * 1e6 for start, end in zip(before, after, strict=True))
    return cost, on_loop


if __name__ == "__main__":
    main()
