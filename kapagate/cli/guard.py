"""`kapagate guard`: what the guards of a policy find in a text, and what of it would be delivered."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import orjson
from msgspec import to_builtins
from pydantic import ValidationError

from kapagate.cli.offline import load_offline, refuse
from kapagate.policy.report import escaped
from kapagate.policy.tryout import LONGEST, Finding, Source, Trial, Tried, try_out

_SHOWN = 60
_MOST_BYTES = 4 * (LONGEST + 1)


@click.command("guard")
@click.argument("text", metavar="TEXT|-")
@click.option(
    "--policy",
    "paths",
    multiple=True,
    required=True,
    metavar="PATH",
    type=click.Path(exists=True, path_type=Path),
    help="A policy file, or a directory of them; may be said several times.",
)
@click.option("--tenant", default="default", show_default=True, metavar="NAME", help="Whose guards.")
@click.option("--env", "environment", metavar="NAME", help="The environment that is laid over the gateway.")
@click.option("--role", "roles", multiple=True, metavar="NAME", help="A role of the caller; may be said several times.")
@click.option(
    "--direction",
    default="answer",
    show_default=True,
    type=click.Choice(["question", "answer"]),
    help="Which way the text goes.",
)
@click.option(
    "--route", metavar="NAME", help="Where it is asked; by default kapa.chat, or the first that has such texts."
)
@click.option("--source", "sources", multiple=True, metavar="URL", help="A source that the answer names.")
@click.option("--uncertain/--certain", default=None, help="What Kapa says of the answer.")
@click.option(
    "--format", "form", default="text", show_default=True, type=click.Choice(["text", "json"]), help="For whom."
)
def guard(
    text: str,
    paths: tuple[Path, ...],
    tenant: str,
    environment: str | None,
    roles: tuple[str, ...],
    direction: str,
    route: str | None,
    sources: tuple[str, ...],
    uncertain: bool | None,
    form: str,
) -> None:
    """Run the guards of a tenant on a TEXT (`-`: standard input): every finding, its rule, and what would be delivered.

    What guards decide on the whole answer (sources, certainty) they decide where --source or --uncertain is said.
    Nobody is asked and nothing recorded, and no secret need be there. Exit codes: 0 good, whatever was found, 2 usage,
    3 invalid policy.
    """
    loaded, _ = load_offline(paths, environment)
    if loaded.generation is None:
        refuse(loaded)
    try:
        trial = Trial.model_validate(
            {
                "text": _read(text),
                "direction": direction,
                "tenant": tenant,
                "roles": roles,
                "route": route,
                "sources": tuple(Source(source_url=each) for each in sources) or None,
                "uncertain": uncertain,
            }
        )
        tried = asyncio.run(try_out(loaded.generation, trial))
    except ValidationError as cause:
        raise click.UsageError(str(cause.errors(include_input=False)[0]["msg"])) from None
    except UnicodeDecodeError:
        raise click.UsageError("the text is not valid UTF-8") from None
    except LookupError as cause:
        raise click.UsageError(str(cause.args[0])) from None
    if form == "json":
        click.echo(orjson.dumps(to_builtins(tried), option=orjson.OPT_INDENT_2).decode())
    else:
        click.echo("\n".join(as_text(tried)))


def _read(text: str) -> str:
    """Raises UnicodeDecodeError."""
    if text == "-":
        text = sys.stdin.buffer.read(_MOST_BYTES).decode()
    if len(text) > LONGEST:
        raise click.UsageError(f"a text has at most {LONGEST} characters here")
    return text


def as_text(tried: Tried) -> Iterator[str]:
    """For people: what was found, and what would be delivered. What a terminal would obey is told as an escape."""
    roles = f" as {', '.join(tried.roles)}" if tried.roles else ""
    yield f"{tried.direction} of {tried.tenant}{roles} on {tried.route}"
    yield f"guards: {', '.join(tried.steps) or 'none'}"
    yield ""
    for each in tried.findings:
        yield escaped(_line(each))
    if not tried.findings:
        yield "nothing was found"
    yield ""
    if tried.undecided:
        yield f"not decided here, as nothing is said of sources and certainty: {', '.join(tried.undecided)}"
    if tried.refusal is not None:
        refusal = tried.refusal
        yield escaped(f"refused by {refusal.step}: {refusal.status} {refusal.problem}: {refusal.detail}")
    elif tried.delivered is not None:
        yield "delivered, changed:" if tried.changed else "delivered as it is:"
        yield from map(escaped, tried.delivered.splitlines() or [""])


def _line(found: Finding) -> str:
    shown = found.found if len(found.found) <= _SHOWN else f"{found.found[: _SHOWN - 1]}…"
    becomes = "refuses" if found.action == "refuse" else f"-> {found.becomes!r}"
    shadow = " (shadow: it only would)" if found.mode == "shadow" else ""
    return f"{found.start}:{found.end}  {found.step} ({found.guard})  {found.rule}  {shown!r} {becomes}{shadow}"
