"""`kapagate explain`: what a policy says of one request, and where it says it."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click
import orjson

from kapagate.chain.problem import Problem
from kapagate.cli.codes import INVALID_POLICY
from kapagate.policy.explain import as_text
from kapagate.policy.explain import explain as explained
from kapagate.policy.load import Layers
from kapagate.policy.placeholders import load_with_placeholders
from kapagate.policy.report import escaped
from kapagate.remote.references import References
from kapagate.run import offline


@click.command("explain")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.argument("method", metavar="METHOD")
@click.argument("target", metavar="/PATH")
@click.option("--tenant", default="default", show_default=True, metavar="NAME", help="Whose request it is.")
@click.option("--role", "roles", multiple=True, metavar="NAME", help="A role of the caller; may be said several times.")
@click.option("--env", "environment", metavar="NAME", help="The environment that is laid over the gateway.")
@click.option(
    "--format", "form", default="text", show_default=True, type=click.Choice(["text", "json"]), help="For whom."
)
@click.pass_context
def explain(
    ctx: click.Context,
    path: Path,
    method: str,
    target: str,
    tenant: str,
    roles: tuple[str, ...],
    environment: str | None,
    form: str,
) -> None:
    """Explain what the policy in PATH does with a request: its route, and gate and chain in order, each step with its
    effective options and where they stand.

    No secret need be there. Exit codes: 0 good, 2 usage, 3 invalid policy.
    """
    layers = Layers(environment)
    loaded, _ = load_with_placeholders(lambda resolve: offline([path], resolve, layers), References(os.environ))
    if not loaded.ok:
        click.echo(loaded.report(), err=True)
        ctx.exit(INVALID_POLICY)
    try:
        told = explained(loaded, method.upper(), target, tenant, roles)
    except LookupError as cause:
        raise click.UsageError(str(cause.args[0])) from None
    except Problem as cause:
        raise click.UsageError(f"{target}: {cause.detail}") from None
    if form == "json":
        click.echo(orjson.dumps(asdict(told), option=orjson.OPT_INDENT_2, default=str).decode())
    else:
        click.echo("\n".join(escaped(line) for line in as_text(told).splitlines()))
