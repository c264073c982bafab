from __future__ import annotations

import re
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest

from kapagate.cli import main
from kapagate.ledger.record import encoded, gap
from kapagate.stores.audit_file import AuditFile, Batch
from tests.docs.pages import PAGES, ROOT, blocks

_COMMAND = re.compile(r"^(?:\$ )?(kapagate [^#\n]*)", re.MULTILINE)
_GOAL = re.compile(r"^(?:\$ )?make ([a-z-]+)", re.MULTILINE)
_QUERY = re.compile(r'^sqlite3 kapagate\.db "([^"]+)"', re.MULTILINE)


def found(pattern: re.Pattern[str]) -> Iterator[str]:
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for block in blocks(page, "sh", "console"):
            yield from pattern.findall(block)


def parse(command: click.Command, name: str, words: list[str]) -> None:
    """What click does before it calls the command. Raises UsageError."""
    if isinstance(command, click.Group) and not words[0].startswith("-"):
        context = click.Context(command, info_name=name)
        below = command.get_command(context, words[0])
        if below is None:
            raise click.UsageError(f"there is no command {words[0]}")
        parse(below, words[0], words[1:])
    elif isinstance(command, click.Group):
        assert any(words[0] in parameter.opts for parameter in command.params)
    else:
        command.make_context(name, words)


@pytest.mark.parametrize("line", sorted(set(found(_COMMAND))))
def test_commands_of_the_pages_exist_with_these_options(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    words = shlex.split(line)[1:]
    parse(main, "kapagate", words[: words.index(">")] if ">" in words else words)


@pytest.mark.parametrize("line", ["kapagate chek policies", "kapagate run policies --port 1", "kapagate run"])
def test_commands_that_do_not_exist_would_be_found(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(click.UsageError):
        parse(main, "kapagate", shlex.split(line)[1:])


@pytest.mark.parametrize("goal", sorted(set(found(_GOAL))))
def test_goals_of_make_exist(goal: str) -> None:
    assert re.search(rf"^{goal}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("query", list(found(_QUERY)))
def test_queries_of_the_audit_page_run_on_the_audits_own_file(query: str, tmp_path: Path) -> None:
    file = AuditFile(tmp_path / "kapagate.db")
    refused: dict[str, object] = {
        "tenant": "acme",
        "decision": "...",
        "outcome": "refused",
        "step": "rbac",
        "problem": "forbidden",
    }
    refused |= {"verdicts": {"rbac": {"outcome": "refused"}}}
    assert file.write(Batch(0.0, [encoded(refused), gap("full", 0.0, missed=3)])) == ""
    file.close()
    with closing(sqlite3.connect(file.path)) as connection:
        assert connection.execute(query).fetchall() != []
