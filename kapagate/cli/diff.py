"""`kapagate diff`: what two policies let through differently."""

from __future__ import annotations

import io
import os.path
import subprocess
import tarfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import orjson
from msgspec.structs import replace

from kapagate.cli.codes import GOOD, INVALID_POLICY, LOOSENING
from kapagate.cli.offline import load_offline, report
from kapagate.machine.heap import uncollected
from kapagate.policy.changes import Change, Side
from kapagate.policy.diff import diff as compared
from kapagate.policy.diff_report import markdown, records, text

_GIT = "git:"


@click.command("diff")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--env", "environment", metavar="NAME", help="The environment in which both are compared.")
@click.option("--format", "form", default="text", show_default=True, type=click.Choice(["text", "json", "markdown"]))
@click.option(
    "--fail-on",
    type=click.Choice(["loosens"]),
    help="Exit with 5 where something is looser, or cannot be compared.",
)
@click.pass_context
def diff(ctx: click.Context, before: str, after: str, environment: str | None, form: str, fail_on: str | None) -> None:
    """Compare policies A and B: paths, or `git:REV:PATH` for what a revision has.

    Each change is `tighter`, `looser`, `neutral` or `unknown`: then it cannot be compared. Placeholders stand for
    secrets that are not here. Exit codes: 0 good, 2 usage, 3 invalid policy, 5 loosening found (with --fail-on).
    """
    with ExitStack() as stack:
        sides = [_Side(each, stack) for each in (before, after)]
        found = [load_offline([side.path], environment) for side in sides]
        loaded, made_up = [each for each, _ in found], {name for _, names in found for name in names}
        if not all(each.ok for each in loaded):
            for side, each in zip(sides, loaded, strict=True):
                click.echo(side.named(report(each)), err=True, nl=not each.ok)
            ctx.exit(INVALID_POLICY)
        with uncollected():
            changes = [_named(each, sides) for each in compared(loaded[0], loaded[1], made_up)]
    if form == "json":
        click.echo(orjson.dumps({"changes": records(changes)}, option=orjson.OPT_INDENT_2).decode())
    else:
        click.echo(markdown(changes) if form == "markdown" else text(changes))
    ctx.exit(LOOSENING if fail_on and any(each.loosens for each in changes) else GOOD)


class _Side:
    """One of the two policies, on disk for as long as the stack is open."""

    def __init__(self, said: str, stack: ExitStack) -> None:
        self._said = said
        self._folder = ""
        if said.startswith(_GIT):
            self._folder = stack.enter_context(TemporaryDirectory(prefix="kapagate-diff-"))
            self.path = _checked_out(said, Path(self._folder))
        else:
            self.path = Path(said)
        if not os.path.exists(self.path):
            raise click.UsageError(f"{said}: there is no such file or directory")

    def named(self, place: str) -> str:
        """A place as the command line called it, not where it was unpacked."""
        revision = self._said.rpartition(":")[0]
        return place.replace(f"{self._folder}/", f"{revision}:") if self._folder else place


def _named(change: Change, sides: Sequence[_Side]) -> Change:
    before, after = (
        Side(each.text, side.named(each.place)) for each, side in zip((change.before, change.after), sides, strict=True)
    )
    return replace(change, before=before, after=after)


def _checked_out(said: str, folder: Path) -> Path:
    """`git:REV:PATH`, unpacked. Raises click's UsageError where git has no such thing."""
    revision, _, path = said.removeprefix(_GIT).rpartition(":")
    if not revision or revision.startswith("-") or not path:
        raise click.UsageError(f"{said}: expected git:REV:PATH")
    command = ["git", "archive", "--format=tar", revision, "--", path]
    try:
        packed = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603 - no shell, no option
    except FileNotFoundError:
        raise click.UsageError("git is not installed") from None
    except subprocess.CalledProcessError as cause:
        reason = cause.stderr.decode(errors="replace").strip().splitlines()
        raise click.UsageError(f"{said}: {reason[-1] if reason else 'git failed'}") from None
    try:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
    except tarfile.TarError as cause:
        raise click.UsageError(f"{said}: {cause}") from None
    return folder / path
