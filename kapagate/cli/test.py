"""`kapagate test`: the tests of a policy, run through what production runs, without sockets and without secrets."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from kapagate.cli.codes import GOOD, INVALID_POLICY, TESTS_FAILED
from kapagate.machine.heap import uncollected
from kapagate.policytest.coverage import Coverage
from kapagate.policytest.report import as_json, as_junit, as_text, summary
from kapagate.policytest.session import Result, Session


def _pattern(ctx: click.Context, parameter: click.Parameter, value: str | None) -> re.Pattern[str] | None:
    try:
        return None if value is None else re.compile(value)
    except re.error as cause:
        raise click.BadParameter(f"no regular expression: {cause}") from cause


@click.command("test")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, path_type=Path))
@click.option("--run", "chosen", metavar="REGEX", callback=_pattern, help="Only cases with this in `TESTS: NAME`.")
@click.option(
    "--format",
    "form",
    default="text",
    show_default=True,
    type=click.Choice(["text", "junit", "json"]),
    help="For people, for build servers, for scripts.",
)
@click.option("--env", "environment", metavar="NAME", help="The environment that is laid over the gateway.")
@click.option("--coverage", is_flag=True, help="Which decisions of which steps the cases reached, of those possible.")
@click.option(
    "--fail-under", type=click.FloatRange(0, 100), metavar="N", help="Fail when less per cent of them were reached."
)
@click.pass_context
def test(
    ctx: click.Context,
    paths: tuple[Path, ...],
    chosen: re.Pattern[str] | None,
    form: str,
    environment: str | None,
    coverage: bool,
    fail_under: float | None,
) -> None:
    """Run the PolicyTest documents in files and directories against the policy that is given with them.

    What the tests do not say of the environment is made up, so no secret is needed. Results go to standard output,
    what is wrong with the documents to standard error. Exit codes: 0 good, 2 usage, 3 invalid policy or tests, 4 tests
    failed or too little was reached.
    """
    session = Session(environment)
    cases = session.prepare(paths, chosen)
    if report := session.report():
        click.echo(report, err=True)
    if not session.ok:
        ctx.exit(INVALID_POLICY)
    if not cases:
        raise click.UsageError("no case has such a name" if chosen else "there is no PolicyTest document")
    begun = time.perf_counter()
    with uncollected(), _quiet():
        results = session.results(cases)
    seconds = time.perf_counter() - begun
    wanted = session.coverage if coverage or fail_under is not None else None
    click.echo(_told(results, seconds, form, wanted))
    reached = fail_under is None or session.coverage.percent >= fail_under
    if not reached:
        click.echo(f"less than {fail_under:g} % of what the steps can decide was reached", err=True)
    ctx.exit(GOOD if reached and all(result.ok for result in results) else TESTS_FAILED)


@contextmanager
def _quiet() -> Iterator[None]:
    """The engine logs nothing meanwhile: what fails is told with its case."""
    log = logging.getLogger("kapagate")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)


def _told(results: list[Result], seconds: float, form: str, coverage: Coverage | None) -> str:
    if form == "json":
        return as_json(results, seconds, coverage)
    if form == "junit":
        return as_junit(results, seconds)
    table = coverage.table() if coverage is not None else ""
    return "\n\n".join(part for part in (as_text(results), table, summary(results, seconds)) if part)
