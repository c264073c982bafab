"""`kapagate diff` on files and on revisions."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from kapagate.cli import main

CORPUS = Path(__file__).parents[1] / "policy" / "diffs" / "pairs.yaml"
BEFORE: str = yaml.safe_load(CORPUS.read_text())["before"]
AFTER = BEFORE.replace("max_length: 4000", "max_length: 5000")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["diff", *arguments])


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`policy/gateway.yaml` as a revision has it, and changed since."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "policy" / "gateway.yaml"
    path.parent.mkdir()
    path.write_text(BEFORE)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], check=True, cwd=tmp_path)
    path.write_text(AFTER)
    return path


def test_a_loosening_exits_5_when_asked_to(repository: Path) -> None:
    assert run("git:HEAD:policy", "policy").exit_code == 0
    assert run("git:HEAD:policy", "policy", "--fail-on", "loosens").exit_code == 5
    assert run("policy", "git:HEAD:policy", "--fail-on", "loosens").exit_code == 0


def test_a_revision_is_called_as_the_command_line_does(repository: Path) -> None:
    told = run("git:HEAD:policy", "policy").stdout
    assert "4000 (git:HEAD:policy/gateway.yaml:21:34) -> 5000 (policy/gateway.yaml:21:34)" in told


def test_json_and_markdown(repository: Path) -> None:
    (change,) = json.loads(run("git:HEAD:policy", "policy", "--format", "json").stdout)["changes"]
    assert (change["label"], change["tenants"]) == ("looser", ["acme"])
    assert "| looser | <code>step ask.max_length" in run("git:HEAD:policy", "policy", "--format", "markdown").stdout


@pytest.mark.parametrize("side", ["git:HEAD", "git:nowhere:policy", "git:--output=x:policy", "missing", "x" * 5000])
def test_a_side_that_is_not_there_is_wrong_usage(repository: Path, side: str) -> None:
    assert run(side, "policy").exit_code == 2


def test_a_revision_with_links_to_elsewhere_is_wrong_usage(repository: Path) -> None:
    (repository.parent / "elsewhere").symlink_to("/etc")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["add", "."], [*who, "commit", "-q", "-m", "link"]):
        subprocess.run(["git", *command], check=True, cwd=repository.parents[1])
    told = run("git:HEAD:policy", "policy")
    assert (told.exit_code, "elsewhere" in told.stderr) == (2, True)


def test_a_policy_with_errors_is_not_compared(repository: Path) -> None:
    repository.write_text(AFTER.replace("max_length", "max_lenght"))
    result = run("git:HEAD:policy", "policy")
    assert result.exit_code == 3
    assert "KG214" in result.stderr
