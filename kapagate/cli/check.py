"""`kapagate check`: a policy's problems, all at once, each at its place."""

from __future__ import annotations

import os
from pathlib import Path

import click

from kapagate.cli.codes import INVALID_POLICY
from kapagate.remote.references import References
from kapagate.run import offline


@click.command("check")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, path_type=Path))
@click.pass_context
def check(ctx: click.Context, paths: tuple[Path, ...]) -> None:
    """Check policy files, and directories of them, without running anything.

    Problems go to standard error, a summary to standard output. Exit codes: 0 good, 2 usage, 3 invalid policy.
    """
    loaded = offline(paths, References(os.environ))
    if report := loaded.report():
        click.echo(report, err=True)
    click.echo(loaded.summary())
    ctx.exit(0 if loaded.ok else INVALID_POLICY)
