"""`kapagate explain`: what a policy says of one request or of one field, and where it says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson
from msgspec import to_builtins

from kapagate.chain.problem import Problem
from kapagate.cli.offline import load_offline, refuse
from kapagate.policy.explain import as_text
from kapagate.policy.explain import explain as explained
from kapagate.policy.field_report import field_report, field_text
from kapagate.policy.load import Loaded
from kapagate.policy.report import escaped
from kapagate.policy.table import Table


@click.command("explain")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.argument("method", metavar="[METHOD", required=False)
@click.argument("target", metavar="/PATH]", required=False)
@click.option("--tenant", metavar="NAME", help="Whose request it is; `default` when left out.")
@click.option("--role", "roles", multiple=True, metavar="NAME", help="A role of the caller; may be said several times.")
@click.option("--env", "environment", metavar="NAME", help="The environment that is laid over the gateway.")
@click.option(
    "--field",
    metavar="FIELD",
    help="Explain a field and no request: `guard_answer.confidence`, `listen.limits`.",
)
@click.option(
    "--format", "form", default="text", show_default=True, type=click.Choice(["text", "json"]), help="For whom."
)
def explain(
    path: Path,
    method: str | None,
    target: str | None,
    tenant: str | None,
    roles: tuple[str, ...],
    environment: str | None,
    field: str | None,
    form: str,
) -> None:
    """Explain what the policy in PATH does with a request: its route, and gate and chain in order, each step with its
    effective options and where they stand.

    With --field: what a field is for, its default, which of its values are tighter, and where the policy sets it. A
    field is called by its filter, scheme or upstream type, by the id of a step, or by what stands at the top of the
    Gateway document.

    No secret need be there. Exit codes: 0 good, 2 usage, 3 invalid policy.
    """
    if field is not None and (method or tenant or roles):
        raise click.UsageError("--field explains no request: leave METHOD, /PATH, --tenant and --role out")
    if field is None and not (method and target):
        raise click.UsageError("say what is asked, METHOD and /PATH, or --field FIELD")
    loaded, _ = load_offline([path], environment)
    if not loaded.ok:
        refuse(loaded)
    try:
        told, text = (
            _field(loaded, field) if field is not None else _request(loaded, method or "", target or "", tenant, roles)
        )
    except LookupError as cause:
        raise click.UsageError(str(cause.args[0])) from None
    except Problem as cause:
        raise click.UsageError(f"{target}: {cause.detail}") from None
    if form == "json":
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    else:
        click.echo("\n".join(escaped(line) for line in text.splitlines()))


def _request(
    loaded: Loaded, method: str, target: str, tenant: str | None, roles: tuple[str, ...]
) -> tuple[dict[str, Any], str]:
    told = explained(loaded, method.upper(), target, tenant or "default", roles)
    return to_builtins(told, enc_hook=str), as_text(told)


def _field(loaded: Loaded, field: str) -> tuple[dict[str, Any], str]:
    told = field_report(loaded, Table(), field)
    return to_builtins(told, enc_hook=str), field_text(told)
