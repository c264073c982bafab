from __future__ import annotations

import json
import os
from pathlib import Path

import yaml
from click.testing import CliRunner, Result
from jsonschema import Draft7Validator

from kapagate.cli import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_what_is_written_is_checked_and_tested_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "policies"
    assert run("init", folder).exit_code == 0
    assert sorted(os.listdir(folder)) == ["gateway.yaml", "kapagate.schema.json", "tests.yaml"]
    checked = run("check", "--allow-missing-secrets", folder)
    assert checked.exit_code == 0, checked.output
    tested = run("test", folder)
    assert tested.exit_code == 0, tested.output
    assert tested.stdout.startswith("4 cases")


def test_without_its_environment_only_what_is_missing_is_told(tmp_path: Path) -> None:
    run("init", tmp_path)
    checked = run("check", "--format", "json", tmp_path)
    told = json.loads(checked.stdout)
    assert checked.exit_code == 3
    assert {each["code"] for each in told["problems"]} == {"KG403"}


def test_every_file_begins_with_the_editors_line(tmp_path: Path) -> None:
    run("init", tmp_path)
    for path in tmp_path.glob("*.yaml"):
        editor, text = path.read_text().split("\n", 1)
        schema = tmp_path / editor.removeprefix("# yaml-language-server: $schema=")
        assert Draft7Validator(json.loads(schema.read_text())).is_valid(yaml.load(text, yaml.CSafeLoader))


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "tests.yaml").write_text("mine")
    done = run("init", tmp_path)
    assert done.exit_code == 2
    assert "is there already" in done.stderr
    assert os.listdir(tmp_path) == ["tests.yaml"]
