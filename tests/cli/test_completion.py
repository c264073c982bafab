"""Shells complete kapagate's commands."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from kapagate.cli import COMMANDS, main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_three_shells_have_a_completion(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert f"_KAPAGATE_COMPLETE={shell}_complete" in result.stdout


def test_another_shell_is_wrong_usage() -> None:
    assert CliRunner().invoke(main, ["completion", "tcsh"]).exit_code == 2


def completed(words: str, at: int) -> list[str]:
    """What bash is offered for the word at a place."""
    environment = {**os.environ, "_KAPAGATE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)}
    program = "from kapagate.cli import main; main(prog_name='kapagate')"
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    return [line.partition(",")[2] for line in told.stdout.splitlines()]


def test_commands_are_offered() -> None:
    assert set(completed("kapagate ", 1)) == set(COMMANDS)
    assert completed("kapagate che", 1) == ["check"]


def test_options_and_their_words_are_offered() -> None:
    assert completed("kapagate check --f", 2) == ["--format"]
    assert completed("kapagate check --format s", 3) == ["sarif"]
