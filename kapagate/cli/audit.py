"""`kapagate audit`: reads the file of records, also while a gateway writes it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from kapagate.chain.problem import BackendFailed
from kapagate.cli.codes import FAILED
from kapagate.ledger.selection import Selection
from kapagate.stores.audit_search import after, search, verify
from kapagate.telemetry.escape import escaped

MOST = 100_000
POLL_SECONDS = 0.5
_PAGE = 1000
_COLUMNS = {"received_at": 24, "tenant": 12, "subject": 16, "operation": 20, "outcome": 9, "status": 6, "problem": 24}
_FILTERS = {
    "tenant": "Of this tenant.",
    "subject": "Of this caller.",
    "outcome": "answered, refused, failed, gone, lost, gap or done.",
    "operation": "Such as chat_stream, admin.config or system.start.",
    "correlation_id": "Of this request.",
    "decision": "The one record with this decision.",
    "since": "Received at this moment or later, such as 2027-01-31T00:00:00Z.",
    "until": "Received before this moment.",
    "verdict": "STEP had something to say, or STEP:OUTCOME said this.",
}
_NEVER = 1 << 62


@click.group()
def audit() -> None:
    """Read the records of what was asked and decided.

    FILE is what `state: "sqlite:FILE"` names. It is only read, so a gateway may be writing it.
    """


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    """The options that choose records, and how they are printed."""
    for name, text in reversed(_FILTERS.items()):
        command = click.option(f"--{name.replace('_', '-')}", name, help=text)(command)
    choice = click.Choice(["json", "table"])
    return click.option("--format", "form", default="json", show_default=True, type=choice, help="One a line.")(command)


@audit.command("query")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, MOST), help="How many at most.")
@_filtered
def query(file: Path, limit: int, form: str, **given: str | None) -> None:
    """Print records, the newest first."""
    selection = _selection(given)
    _head(form)
    before: int | None = None
    while limit:
        with _told():
            page = search(file, selection, min(limit, _PAGE), before)
        _print(page.records, form)
        limit, before = limit - len(page.records), page.before
        if before is None:
            return


@audit.command("tail")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--lines", "-n", default=10, show_default=True, type=click.IntRange(0, _PAGE), help="Of those there are.")
@click.option("--once", is_flag=True, help="Print those and end, instead of waiting for more.")
@_filtered
def tail(file: Path, lines: int, once: bool, form: str, **given: str | None) -> None:
    """Print the last records, then each one as it is written, until interrupted."""
    selection = _selection(given)
    _head(form)
    with _told():
        _, last = after(file, _NEVER, selection)
        _print(search(file, selection, lines, last + 1).records[::-1] if lines else (), form)
    while not once:
        time.sleep(POLL_SECONDS)
        with _told():
            records, last = after(file, last, selection)
        _print(records, form)


@audit.command("verify")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def verify_file(file: Path) -> None:
    """Check that no record was changed or taken out, and print the seal that stands for all of them.

    Whoever keeps a seal can later show that nothing before it was touched. Exit codes: 0 whole, 1 not, 2 usage.
    """
    with _told():
        first, last, seal = verify(file)
    told = f"records {first} to {last} are as they were written; seal {seal.hex()}" if last else "there are no records"
    click.echo(told)


def _selection(given: Mapping[str, str | None]) -> Selection:
    try:
        return Selection.of({name: value for name, value in given.items() if value})
    except ValueError as cause:
        raise click.UsageError(str(cause)) from cause


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What cannot be read is said, and ends the command."""
    try:
        yield
    except BackendFailed as cause:
        click.echo(f"kapagate: {cause}", err=True)
        click.get_current_context().exit(FAILED)


def _head(form: str) -> None:
    if form == "table":
        click.echo("  ".join(name.ljust(width) for name, width in _COLUMNS.items()).rstrip())


def _print(records: Iterable[Mapping[str, Any]], form: str) -> None:
    for record in records:
        click.echo(orjson.dumps(record).decode() if form == "json" else _row(record))


def _row(record: Mapping[str, Any]) -> str:
    """What came from outside is escaped: a subject may hold what a terminal obeys."""
    cells = (escaped(str(record.get(name, "")), width).ljust(width) for name, width in _COLUMNS.items())
    return "  ".join(cells).rstrip()
