"""`kapagate check`: a policy's problems, all at once, each at its place; and what it comes to."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click
import orjson

from kapagate import __version__
from kapagate.cli.codes import GOOD, INVALID_POLICY
from kapagate.cli.offline import load_offline, report
from kapagate.machine.heap import uncollected
from kapagate.policy.changes import Change
from kapagate.policy.diff import diff, loosenings
from kapagate.policy.diff_report import records, text
from kapagate.policy.interpolation import Resolve
from kapagate.policy.listing import listed
from kapagate.policy.load import Layers, Loaded
from kapagate.policy.matrix import matrix_of
from kapagate.policy.placeholders import load_with_placeholders
from kapagate.policy.sarif import sarif
from kapagate.policy.series import largest, worst_case
from kapagate.policy.workflow import workflow_commands
from kapagate.remote.references import References
from kapagate.run import offline_everywhere


@click.command("check")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format",
    "form",
    default="text",
    show_default=True,
    type=click.Choice(["text", "json", "sarif", "github"]),
    help="For people, for scripts, for code scanning, for notes in a workflow of GitHub.",
)
@click.option("--env", "environment", metavar="NAME", help="Check with this environment, and list what it loosens.")
@click.option("--matrix", is_flag=True, help="Print which role may ask for what; with text and json.")
@click.option(
    "--allow-missing-secrets",
    is_flag=True,
    help="Put placeholders where references resolve to nothing, as in CI, and say so.",
)
@click.pass_context
def check(
    ctx: click.Context,
    paths: tuple[Path, ...],
    form: str,
    environment: str | None,
    matrix: bool,
    allow_missing_secrets: bool,
) -> None:
    """Check policy files, and directories of them, without running anything.

    As text, problems go to standard error and a summary to standard output; other formats go to standard output.
    Exit codes: 0 good, 2 usage, 3 invalid policy.
    """
    resolve = References(os.environ)
    layers = Layers(environment)

    def load(resolve: Resolve) -> Loaded:
        return offline_everywhere(paths, resolve, layers)

    with uncollected():
        loaded, assumed = load_with_placeholders(load, resolve) if allow_missing_secrets else (load(resolve), [])
    loosened = loosened_by(environment, paths, loaded, assumed)
    if form == "json":
        told = {**_told(loaded, assumed, matrix), "loosened": records(loosened)}
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    elif form == "sarif":
        click.echo(orjson.dumps(sarif(loaded.diagnostics, __version__), option=orjson.OPT_INDENT_2).decode())
    elif form == "github":
        click.echo(workflow_commands(loaded.diagnostics), nl=len(loaded.diagnostics) > 0)
    else:
        _print(loaded, assumed, matrix)
        if loosened:
            click.echo(f'the environment "{environment}" loosens:\n{text(loosened)}')
    ctx.exit(GOOD if loaded.ok else INVALID_POLICY)


def loosened_by(
    environment: str | None, paths: tuple[Path, ...], loaded: Loaded, assumed: Collection[str]
) -> list[Change]:
    """What is looser in the environment than without, or cannot be compared; nothing where one of both is wrong."""
    if not environment or not loaded.ok:
        return []
    alone, made_up = load_offline(paths)
    return loosenings(diff(alone, loaded, {*made_up, *assumed})) if alone.ok else []


def _print(loaded: Loaded, assumed: list[str], matrix: bool) -> None:
    if len(loaded.diagnostics):
        click.echo(report(loaded), err=True)
    if assumed:
        click.echo(f"placeholders stand for what is not here: {', '.join(assumed)}", err=True)
    worst = worst_case(loaded.generation) if loaded.generation else None
    if worst:
        click.echo(f"metrics: never more than {worst.total} series, {worst.allowed} are allowed; {largest(worst)}")
    click.echo(loaded.summary())
    if matrix and loaded.generation and loaded.gateway:
        click.echo(f"\n{matrix_of(loaded.generation, loaded.gateway.roles)}")


def _told(loaded: Loaded, assumed: list[str], matrix: bool) -> dict[str, Any]:
    errors = loaded.diagnostics.errors
    told: dict[str, Any] = {
        "ok": loaded.ok,
        "documents": loaded.documents,
        "tenants": loaded.tenants,
        "routes": loaded.routes,
        "errors": errors,
        "warnings": len(loaded.diagnostics) - errors,
        "problems": listed(loaded.diagnostics),
        "placeholders": assumed,
    }
    if loaded.generation and (worst := worst_case(loaded.generation)):
        told["series"] = {"total": worst.total, "allowed": worst.allowed, "families": worst.families}
    if matrix and loaded.generation and loaded.gateway:
        told["matrix"] = matrix_of(loaded.generation, loaded.gateway.roles).records()
    return told
