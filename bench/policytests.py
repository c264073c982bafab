"""`python -m bench.policytests`: how many cases of the example policy's tests run in a second of one core.

The policy is loaded once; every round runs all cases, those that cut answers byte by byte included.
"""

from __future__ import annotations

import gc
import logging
import time

import click

from bench.process import ROOT
from kapagate.policytest.session import Session


def measured(rounds: int) -> list[tuple[float, float]]:
    """Cases and calls a second of CPU, one pair per round."""
    session = Session()
    cases = session.prepare([ROOT / "policies"])
    if not session.ok:
        raise RuntimeError(session.report())
    calls = sum(len(each.calls) for each in cases)
    figures = []
    gc.disable()
    for _ in range(rounds):
        begun = time.process_time()
        results = session.results(cases)
        seconds = time.process_time() - begun
        if not all(result.ok for result in results):
            raise RuntimeError("a case failed")
        figures.append((len(cases) / seconds, calls / seconds))
        gc.collect()
    return figures


@click.command()
@click.option("--rounds", default=11, show_default=True, type=click.IntRange(1))
def main(rounds: int) -> None:
    """Cases and calls of the example policy's tests, by second of CPU."""
    logging.getLogger("kapagate").setLevel(logging.CRITICAL + 1)
    figures = sorted(measured(rounds))
    cases, calls = figures[len(figures) // 2]
    print(f"{cases:,.0f} cases/s, {calls:,.0f} calls/s ({figures[0][0]:,.0f} to {figures[-1][0]:,.0f} cases/s)")


if __name__ == "__main__":
    main()
