"""The policy of a command that serves nothing."""

from __future__ import annotations

import gc
from pathlib import Path

import click
from click.testing import CliRunner

from kapagate.cli.offline import load_offline, refuse

POLICY = """\
apiVersion: kapagate.dev/v1
kind: Gateway
name: ${env:A_NAME_THAT_NOBODY_SETS}
---
apiVersion: kapagate.dev/v1
kind: Environment
name: production
log: {level: error}
"""


def policy_in(folder: Path, text: str = POLICY) -> Path:
    path = folder / "gateway.yaml"
    path.write_text(text)
    return path


def test_placeholders_stand_for_what_is_not_here(tmp_path: Path) -> None:
    loaded, made_up = load_offline([policy_in(tmp_path)], "production")
    assert loaded.gateway is not None
    assert (loaded.gateway.log.level, made_up) == ("error", ["env:A_NAME_THAT_NOBODY_SETS"])
    assert gc.isenabled()


def test_what_is_wrong_is_told_and_ends_the_command(tmp_path: Path) -> None:
    loaded, _ = load_offline([policy_in(tmp_path, POLICY.replace("name", "nmae", 1))])
    told = CliRunner().invoke(click.Command("any", callback=lambda: refuse(loaded)))
    assert (told.exit_code, told.stdout) == (3, "")
    assert 'error KG214  unknown field "nmae"' in told.stderr
