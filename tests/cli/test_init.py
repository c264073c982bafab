from __future__ import annotations

import os
from pathlib import Path

from click.testing import CliRunner, Result

from kapagate.cli import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_what_is_written_is_checked_and_tested_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "policies"
    assert run("init", folder).exit_code == 0
    assert sorted(os.listdir(folder)) == ["gateway.yaml", "tests.yaml"]
    checked = run("check", "--allow-missing-secrets", folder)
    assert checked.exit_code == 0, checked.output
    tested = run("test", folder)
    assert tested.exit_code == 0, tested.output
    assert tested.stdout.startswith("4 cases")


def test_every_file_begins_with_the_editors_line(tmp_path: Path) -> None:
    run("init", tmp_path)
    for name in os.listdir(tmp_path):
        assert (tmp_path / name).read_text().startswith("# yaml-language-server: $schema=")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "tests.yaml").write_text("mine")
    done = run("init", tmp_path)
    assert done.exit_code == 2
    assert "is there already" in done.stderr
    assert os.listdir(tmp_path) == ["tests.yaml"]
