"""`kapagate check`: a policy's problems, all at once, each at its place; and what it comes to."""

from __future__ import annotations

import os
from pathlib import Path

import click

from kapagate.cli.codes import INVALID_POLICY
from kapagate.policy.load import Loaded
from kapagate.policy.matrix import matrix_of
from kapagate.policy.series import largest, worst_case
from kapagate.remote.references import References
from kapagate.run import offline


@click.command("check")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, path_type=Path))
@click.option("--matrix", is_flag=True, help="Print which role may ask for what.")
@click.pass_context
def check(ctx: click.Context, paths: tuple[Path, ...], matrix: bool) -> None:
    """Check policy files, and directories of them, without running anything.

    Problems go to standard error, a summary to standard output. Exit codes: 0 good, 2 usage, 3 invalid policy.
    """
    loaded = offline(paths, References(os.environ))
    if report := loaded.report():
        click.echo(report, err=True)
    if series := _series(loaded):
        click.echo(series)
    click.echo(loaded.summary())
    if matrix and loaded.generation and loaded.gateway:
        click.echo(f"\n{matrix_of(loaded.generation, loaded.gateway.roles)}")
    ctx.exit(0 if loaded.ok else INVALID_POLICY)


def _series(loaded: Loaded) -> str:
    worst = worst_case(loaded.generation) if loaded.generation else None
    if worst is None:
        return ""
    return f"metrics: never more than {worst.total} series, {worst.allowed} are allowed; {largest(worst)}"
