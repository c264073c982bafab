"""`python -m bench.hardening`: what it costs that the hop is safe, in CPU per answer; the aim is under 5 %.

The gateway as it is beside one without what only hostile or broken peers notice (`bench.unhardened` says what that is),
with the same policy, on the same core, asked in turn. The figure is the ratio within a round, so that a noisy neighbour
hits both; which of them is asked first changes from round to round.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click
import uvloop

from bench.figures import Round, Spread
from bench.load import ask
from bench.paired import measured_round
from bench.process import Process
from bench.subjects import OTHER_CORE, Subject, gateways, made_keys, questions, running_upstream

AIM = 5.0
POLICIES = ("pass-through", "full chain")


def costs(hardened: Sequence[Round], bare: Sequence[Round]) -> Spread:
    """Per cent of CPU per answer, round by round."""
    return Spread.of([(with_.cost / without.cost - 1) * 100 for with_, without in zip(hardened, bare, strict=True)])


async def _measured(pair: Sequence[Subject], upstream: Process, rounds: int, seconds: float) -> list[list[Round]]:
    found: list[list[Round]] = [[], []]
    for each in pair:
        await ask(each.port, each.question, 1.0)
    for number in range(rounds):
        for which in (0, 1) if number % 2 else (1, 0):
            found[which].append(await measured_round(pair[which], upstream, seconds))
    return found


@click.command()
@click.option("--rounds", default=20, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=2.0, show_default=True, help="Of each of both in each round.")
@click.option("--only", multiple=True, type=click.Choice(POLICIES), help="Policies to measure; both when left out.")
def main(rounds: int, seconds: float, only: tuple[str, ...]) -> None:
    """CPU per answer of the gateway, beside one without what hardens the hop."""
    os.sched_setaffinity(0, {OTHER_CORE})
    keys = made_keys()
    with tempfile.TemporaryDirectory(prefix="kapagate-hardening-") as directory, running_upstream() as (upstream, url):
        for name, gateway in zip(POLICIES, gateways(url, Path(directory, "state.db"), keys), strict=True):
            if only and name not in only:
                continue
            with ExitStack() as stack:
                pair = []
                for number, runner in enumerate((("kapagate",), ("bench.unhardened",))):
                    state = {"KAPAGATE_STATE": str(Path(directory, f"{number}.db"))}
                    own = replace(gateway, runner=runner, environment={**gateway.environment, **state})
                    process, port, _ = stack.enter_context(own.started())
                    pair.append(Subject(name, process, port, questions(keys)[name]))
                _print(name, *uvloop.run(_measured(pair, upstream, rounds, seconds)))


def _print(name: str, hardened: Sequence[Round], bare: Sequence[Round]) -> None:
    told = costs(hardened, bare)
    middles = [Spread.of([each.cost for each in rounds]).middle for rounds in (hardened, bare)]
    print(
        f"{name}: {middles[0]:.1f} us of CPU per answer, {middles[1]:.1f} us without; the hardening costs "
        f"{told.middle:+.1f} % ({told.least:+.1f} to {told.most:+.1f}; aim: under {AIM:g} %)"
    )


if __name__ == "__main__":
    main()
