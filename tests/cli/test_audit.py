from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kapagate.cli import main
from kapagate.cli.audit import POLL_SECONDS
from kapagate.ledger.record import encoded
from kapagate.stores.audit_file import AuditFile, Batch

NOW = 1_767_225_660.0


def row(name: str, **more: Any) -> str:
    return encoded(
        {"decision": name, "received_at": f"2026-01-01T00:00:0{name}.000Z", "tenant": "acme", "status": 200, **more}
    )


@pytest.fixture
def file(tmp_path: Path) -> Iterator[AuditFile]:
    """A file that a gateway has open."""
    file = AuditFile(tmp_path / "kapagate.db")
    assert file.write(Batch(NOW, [row("1"), row("2", tenant="globex"), row("3", subject="x\x1b[31m")])) == ""
    yield file
    file.close()


def called(*words: str) -> Result:
    return CliRunner().invoke(main, ["audit", *words])


def decisions(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return "".join(json.loads(line)["decision"] for line in result.stdout.splitlines())


def test_a_query_prints_the_newest_first(file: AuditFile) -> None:
    assert decisions(called("query", str(file.path))) == "321"
    assert decisions(called("query", str(file.path), "--limit", "2")) == "32"


def test_a_query_goes_on_over_pages(file: AuditFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kapagate.cli.audit._PAGE", 1)
    assert decisions(called("query", str(file.path), "--tenant", "acme")) == "31"


@pytest.mark.parametrize(
    ("words", "found"),
    [(["--tenant", "globex"], "2"), (["--since", "2026-01-01T00:00:02Z"], "32"), (["--correlation-id", "none"], "")],
)
def test_filters_are_those_of_the_endpoint(file: AuditFile, words: list[str], found: str) -> None:
    assert decisions(called("query", str(file.path), *words)) == found


def test_a_table_escapes_what_a_terminal_would_obey(file: AuditFile) -> None:
    head, first, *_ = called("query", str(file.path), "--format", "table").stdout.splitlines()
    assert head.split() == ["received_at", "tenant", "subject", "operation", "outcome", "status", "problem"]
    assert "acme" in first
    assert "\x1b" not in first


def test_a_filter_that_makes_no_sense_is_wrong_usage(file: AuditFile) -> None:
    result = called("query", str(file.path), "--since", "yesterday")
    assert (result.exit_code, "expected a moment" in result.stderr) == (2, True)


def test_tail_prints_the_last_ones_in_their_order(file: AuditFile) -> None:
    assert decisions(called("tail", str(file.path), "--once", "-n", "2")) == "23"
    assert decisions(called("tail", str(file.path), "--once", "-n", "0")) == ""


def test_tail_prints_what_is_written_meanwhile(file: AuditFile, monkeypatch: pytest.MonkeyPatch) -> None:
    slept = itertools.count(1)

    def sleep(seconds: float) -> None:
        assert seconds == POLL_SECONDS
        number = next(slept)
        if number == 4:
            raise KeyboardInterrupt
        assert file.write(Batch(NOW, [row(str(3 + number)), row("9", tenant="globex")])) == ""

    monkeypatch.setattr("kapagate.cli.audit.time.sleep", sleep)
    result = called("tail", str(file.path), "-n", "1", "--tenant", "acme")
    assert [json.loads(line)["decision"] for line in result.stdout.splitlines()] == ["3", "4", "5", "6"]


def test_verify_prints_a_seal_and_notices_a_change(file: AuditFile) -> None:
    whole = called("verify", str(file.path))
    assert (whole.exit_code, "records 1 to 3 are as they were written; seal " in whole.stdout) == (0, True)
    with closing(sqlite3.connect(file.path, isolation_level=None)) as other:
        other.execute("UPDATE batch SET records = replace(records, 'globex', 'acme')")
    changed = called("verify", str(file.path))
    assert (changed.exit_code, "are not those that were written" in changed.stderr) == (1, True)


def test_a_file_that_is_none_is_said(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("no database" * 100)
    for command in ("query", "tail", "verify"):
        result = called(command, str(path))
        assert (result.exit_code, "not a database" in result.stderr) == (1, True)
