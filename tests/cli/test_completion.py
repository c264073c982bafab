"""Shells complete kapagate's commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

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


def asked(shell: str, words: str, at: int | str) -> list[str]:
    """What a shell is told about the word at a place."""
    environment = {**os.environ, "_KAPAGATE_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)}
    program = [sys.executable, "-m", "kapagate"]
    told = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    return told.stdout.splitlines()


def completed(words: str, at: int) -> list[str]:
    """What bash is offered."""
    return [line.partition(",")[2] for line in asked("bash", words, at)]


def test_zsh_and_fish_are_told_in_their_own_forms() -> None:
    zsh = asked("zsh", "kapagate che", 1)
    assert zsh[:2] == ["plain", "check"]
    fish = asked("fish", "kapagate che", "che")
    assert [line.split("\t")[0] for line in fish] == ["plain,check"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
def test_bash_itself_completes_with_it(tmp_path: Path) -> None:
    script = CliRunner().invoke(main, ["completion", "bash"]).stdout
    program = tmp_path / "kapagate"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m kapagate "$@"\n')
    program.chmod(0o755)
    asks = 'COMP_WORDS=(kapagate explain --fi); COMP_CWORD=2; _kapagate_completion kapagate; echo "${COMPREPLY[@]}"'
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    told = subprocess.run(["bash", "-c", f"{script}\n{asks}"], env=environment, capture_output=True, check=True)
    assert told.stdout == b"--field\n"


def test_commands_are_offered() -> None:
    assert set(completed("kapagate ", 1)) == set(COMMANDS)
    assert completed("kapagate che", 1) == ["check"]


def test_options_and_their_words_are_offered() -> None:
    assert completed("kapagate check --f", 2) == ["--format"]
    assert completed("kapagate check --format s", 3) == ["sarif"]
