"""`kapagate demo`: the chain at work, against a stand-in Kapa."""

from __future__ import annotations

import asyncio
import signal
import sys

import click

from kapagate.cli.codes import FAILED, INVALID_POLICY
from kapagate.cli.loop import run_loop
from kapagate.demo import show
from kapagate.demo.scenes import SCENES, YOU, Scene, Shown
from kapagate.demo.stage import POLICY, Stage, stage
from kapagate.run import InvalidPolicy

_ROWS = 50  # more than the scenes leave


@click.command("demo")
@click.option("--once", is_flag=True, help="Check every outcome and end; so does a run without a terminal.")
@click.option("--serve", is_flag=True, help="Go on serving without a terminal, too.")
@click.pass_context
def demo(ctx: click.Context, once: bool, serve: bool) -> None:
    """Start a stand-in Kapa, a small backend and the gateway, and show the chain at work.

    Everything is on loopback and nothing stays. Exit codes: 0 every outcome as promised, 1 not, 3 policies/ is
    not as it was shipped.
    """
    if not POLICY.is_dir():
        raise click.ClickException("the demo plays with the policy of a checkout, and this one came without policies/")
    missed: list[str] = []
    try:
        run_loop(_play(missed, serve or (not once and sys.stdout.isatty())))
    except InvalidPolicy as invalid:
        click.echo(invalid.loaded.report(), err=True)
        ctx.exit(INVALID_POLICY)
    ctx.exit(FAILED if missed else 0)


async def _play(missed: list[str], goes_on: bool) -> None:
    async with stage() as scenery:
        missed += await _scenes(scenery)
        await scenery.gateway.ledger.flush()
        records = await scenery.gateway.ledger.query(_ROWS)
        click.echo(f"\n{show.audit(reversed(records))}\n\n{show.metrics(await scenery.metrics())}\n")
        promises = "1 promise was" if len(missed) == 1 else f"{len(missed)} promises were"
        outcome = f"{promises} not kept" if missed else "every outcome as promised"
        click.echo(f"{len(SCENES)} scenes: {outcome}.")
        if goes_on:
            await _serve_on(scenery)


async def _scenes(scenery: Stage) -> list[str]:
    missed: list[str] = []
    click.echo(f"{show.paint('kapagate', '1')} with the policy in policies/, in front of a stand-in Kapa\n")
    for number, play in enumerate(SCENES, 1):
        shown = await _played(play, scenery)
        click.echo(show.scene(number, shown))
        missed += shown.missed
    return missed


async def _played(play: Scene, scenery: Stage) -> Shown:
    """A scene that breaks keeps no promise, and the others are still shown."""
    try:
        return await play(scenery)
    except Exception as cause:
        title = (play.__doc__ or "a scene").rstrip(".")
        return Shown(title, 0, "it broke", [f"an outcome at all ({type(cause).__name__}: {cause})"])


async def _serve_on(scenery: Stage) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    gateway = scenery.gateway
    click.echo(f"\n{show.how_to_go_on(gateway.data_url, gateway.probe_url, scenery.token(*YOU))}")
    sys.stdout.flush()
    await stop.wait()
