"""`kapagate schema` prints what editors read."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from kapagate.cli.schema import schema

COMMITTED = Path(__file__).parents[2] / "kapagate.schema.json"


def test_what_is_printed_is_what_is_committed() -> None:
    result = CliRunner().invoke(schema)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads(COMMITTED.read_text())
