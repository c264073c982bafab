from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from kapagate.cli import main
from tests.policy.test_explain import CHAT, GATEWAY, TENANT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gateway.yaml").write_text(GATEWAY)
    (tmp_path / "acme.yaml").write_text(TENANT)
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["explain", *map(str, arguments)])


def test_a_request_is_explained_without_any_secret(folder: Path) -> None:
    done = run(folder, "--tenant", "acme", "--role", "viewer", "post", CHAT)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"POST {CHAT} for acme as viewer\nroute kapa.chat (")
    assert "allows kapa.chat for viewer" in done.stdout
    assert "max_length = 100  " in done.stdout


def test_programs_get_json(folder: Path) -> None:
    told = orjson.loads(run(folder, "--tenant", "acme", "GET", "/crm/x", "--format", "json").stdout)
    assert (told["route"], told["tenant"]) == ("crm", "acme")
    assert [step["id"] for step in told["steps"]][:2] == ["identify", "audit"]


def test_a_field_is_explained_with_the_places_that_set_it(folder: Path) -> None:
    done = run(folder, "--field", "guard_question.max_length")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "order: lower is tighter" in done.stdout
    assert "acme.yaml:6:33 (tenant acme)" in done.stdout
    told = orjson.loads(run(folder, "--field", "ask.max_length", "--format", "json").stdout)
    assert told["fields"][0]["order"] == "lower is tighter"
    assert [each["origin"]["layer"] for each in told["set_at"]] == ["gateway", "tenant acme"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say what is asked"),
        (["GET"], "say what is asked"),
        (["--field", "ask.pii", "GET", "/crm/x"], "--field explains no request"),
        (["--field", "ask.pii", "--tenant", "acme"], "--field explains no request"),
        (["--field", ""], "there is no field"),
        (["GET", "/\udcff"], "an argument is not UTF-8 text"),
        (["--field", "ask.pij"], 'did you mean "ask.pii"'),
        (["--tenant", "acme", "--role", "viewr", "GET", "/crm/x"], 'did you mean "viewer"'),
        (["--tenant", "acne", "GET", "/crm/x"], 'there is no tenant "acne"'),
        (["--tenant", "acme", "GET", "/a//b"], "/a//b: "),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(arguments: list[str], said: str, folder: Path) -> None:
    done = run(folder, *arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_wrong_policy_ends_with_3(folder: Path) -> None:
    (folder / "acme.yaml").write_text(TENANT.replace("at: ask", "at: asks"))
    done = run(folder, "--tenant", "acme", "GET", "/crm/x")
    assert (done.exit_code, done.stdout) == (3, "")
    assert 'unknown step "asks"' in done.stderr
