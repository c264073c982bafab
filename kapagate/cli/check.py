"""`kapagate check`: a policy's problems, all at once, each at its place."""

from __future__ import annotations

import os
from pathlib import Path

import click

from kapagate.policy.load import load_policy
from kapagate.remote.references import References

INVALID = 3


@click.command("check")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, path_type=Path))
@click.pass_context
def check(ctx: click.Context, paths: tuple[Path, ...]) -> None:
    """Check policy files, and directories of them, without running anything.

    Problems go to standard error, a summary to standard output. Exit codes: 0 good, 2 usage, 3 invalid policy.
    """
    from kapagate.run import offline_services

    loaded = load_policy(paths, References(os.environ), offline_services())
    if report := loaded.report():
        click.echo(report, err=True)
    click.echo(loaded.summary())
    ctx.exit(0 if loaded.ok else INVALID)
