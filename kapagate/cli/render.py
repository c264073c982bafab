"""`kapagate render`: the policy as it is in force, all layers laid over each other."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from kapagate.cli.offline import load_offline, refuse
from kapagate.policy.render import rendered


@click.command("render")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, path_type=Path))
@click.option("--env", "environment", metavar="NAME", help="The environment that is laid over the gateway.")
@click.option("--origins", is_flag=True, help="Tell of every option of a step where it stands.")
def render(paths: tuple[Path, ...], environment: str | None, origins: bool) -> None:
    """Print the effective policy as JSON: settings, upstreams, gate, and every tenant's chain.

    Secrets are the references that name them, never values, and need not be there. Exit codes: 0 good, 2 usage, 3
    invalid policy.
    """
    loaded, assumed = load_offline(paths, environment)
    if not loaded.ok:
        refuse(loaded)
    if assumed:
        click.echo(f"placeholders stand for what is not here: {', '.join(assumed)}", err=True)
    click.echo(orjson.dumps(rendered(loaded, origins), option=orjson.OPT_INDENT_2, default=str).decode())
