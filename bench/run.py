"""`make bench`: everything in one run, beside the peers that this machine has; `--only` takes some of it.

Sections follow each other, each with its own processes. What is there already is kept in `bench/results/latest.part`,
so that a run that is stopped is not lost; at the end all of it is `latest.json`, and the page is written from that. A
section that fails is told, and the others go on.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from bench import groups, tables
from bench.budgets import budgets, checked
from bench.census import census
from bench.holding import open_streams
from bench.machine import facts
from bench.page import write_page
from bench.paired import Plan
from bench.process import ROOT
from bench.rates import rates, reload
from bench.replicas import replicas
from bench.results import LATEST, Results
from bench.site import Site, opened
from bench.starts import start, window
from bench.subjects import OTHER_CORE, SUBJECT_CORE

Section = Callable[[Site, Plan], Mapping[str, Any]]
QUICK = LATEST.with_name("quick.json")
SECTIONS: dict[str, Section] = {
    "client": census,
    "start": start,
    "window": window,
    "whole-600": groups.whole,
    "whole-4096": lambda site, plan: groups.whole(site, plan, 4096, ai_gateways=False),
    "whole-65536": lambda site, plan: groups.whole(site, plan, 65536, ai_gateways=False),
    "streams": groups.streams,
    "filters": groups.filters,
    "tenants": groups.tenants,
    "patterns": groups.patterns,
    "rates": rates,
    "reload": reload,
    "open-streams": open_streams,
    "replicas": replicas,
}
IN_QUICK: dict[str, Section] = {"start": start, "whole-600": groups.quick, "streams": groups.streams}


@click.command()
@click.option("--quick", is_flag=True, help="Three minutes: start, answers of 600 bytes, streams; no page is written.")
@click.option("--only", multiple=True, type=click.Choice(list(SECTIONS)), help="These; the others stay as they were.")
@click.option("--rounds", type=click.IntRange(1), help="Of each paired section [5].")
@click.option("--seconds", type=click.FloatRange(1), help="Of each entrant in each round [2, quick: 1].")
@click.option("--check", is_flag=True, help="End with 1 when a budget is missed by more than the noise of this run.")
def main(quick: bool, only: tuple[str, ...], rounds: int | None, seconds: float | None, check: bool) -> None:
    """What the gateway costs beside its peers, measured in turn on one core."""
    if SUBJECT_CORE == OTHER_CORE:
        sys.exit("this needs two cores: one for who is measured, one for who asks and answers")
    os.sched_setaffinity(0, {OTHER_CORE})
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    plan = Plan(rounds or 5, seconds or (1.0 if quick else 2.0), 0.5 if quick else 1.0)
    file = QUICK if quick else LATEST
    wanted = {name: each for name, each in (IN_QUICK if quick else SECTIONS).items() if not only or name in only}
    results = Results({}, {}) if quick else Results.read(file)
    part = file.with_suffix(".part")
    results, failed = taken(wanted, plan, results.here(facts()), part)
    results.write(file)
    part.unlink(missing_ok=True)
    missed = told(results, unmeasured=not quick)
    if not quick:
        write_page(results)
    print(f"written to {file.relative_to(ROOT)}")
    if failed:
        print(f"failed: {', '.join(failed)}")
    sys.exit(1 if failed or (check and missed) else 0)


def taken(wanted: Mapping[str, Section], plan: Plan, results: Results, file: Path) -> tuple[Results, list[str]]:
    """The results with these sections, and the names of those that failed."""
    failed = []
    for name, section in wanted.items():
        begun = time.perf_counter()
        try:
            with opened() as site:
                found = section(site, plan)
        except Exception as cause:  # the other sections are worth having
            print(f"\n{name} failed: {type(cause).__name__}: {str(cause)[:600]}", flush=True)
            failed.append(name)
            continue
        results = results.with_section(name, found)
        results.write(file)
        print(f"\n== {name}, {time.perf_counter() - begun:.0f} s\n{_section(results, name)}", flush=True)
    return results, failed


def _section(results: Results, name: str) -> str:
    found = results.sections[name]
    if "entrants" in found:
        return tables.text(tables.contest(results, name))
    printed = {
        "start": tables.starts,
        "rates": tables.latencies,
        "reload": tables.reloading,
        "open-streams": tables.open_streams,
    }
    if name in printed:
        return tables.text(printed[name](results))
    return "\n".join(f"{key}: {value}" for key, value in found.items() if key != "revision")


def told(results: Results, unmeasured: bool) -> bool:
    """Prints what the peers lack, the targets and the budgets; whether a budget is missed."""
    if "whole-600" in results.sections:
        print("\n" + tables.text(tables.lacking(results, "whole-600")))
    if "filters" in results.sections:
        print("\n" + tables.text(tables.added_costs(results)))
    print("\n" + tables.text(tables.aims(results, unmeasured)))
    states = list(checked(results, budgets()))
    print("\n" + tables.text(tables.kept(iter(states))), flush=True)
    return any(state == "missed" for _, _, state in states)


if __name__ == "__main__":
    main()
