from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from kapagate.cli import main
from kapagate.policy.tryout import LONGEST
from kapagate.standin.specimens import SPECIMENS
from tests.policy.test_tryout import GATEWAY, TENANT

CARD, EMAIL = SPECIMENS["card"], SPECIMENS["email"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gateway.yaml").write_text(GATEWAY)
    (tmp_path / "acme.yaml").write_text(TENANT)
    return tmp_path


def run(folder: Path, *arguments: str, stdin: str | bytes | None = None) -> Result:
    told = ["guard", "--policy", str(folder), "--tenant", "acme", *arguments]
    return CliRunner().invoke(main, told, input=stdin)


def test_findings_are_told_with_step_and_rule_and_what_would_be_delivered(folder: Path) -> None:
    done = run(folder, f"Mail {EMAIL} now.")
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"answer (guard_answer)  email  '{EMAIL}' -> '<email>'" in done.stdout
    assert done.stdout.endswith("delivered, changed:\nMail <email> now.\n")


def test_a_refusal_is_good_too_and_delivers_nothing(folder: Path) -> None:
    done = run(folder, f"Pay with {CARD}.")
    assert done.exit_code == 0
    assert "card" in done.stdout
    assert "refused by answer: 422 answer-refused" in done.stdout
    assert "delivered" not in done.stdout


def test_a_text_comes_from_standard_input_and_goes_to_programs_as_json(folder: Path) -> None:
    done = run(folder, "--direction", "question", "--role", "viewer", "--format", "json", "-", stdin="Hi é\n")
    told = orjson.loads(done.stdout)
    assert (told["delivered"], told["direction"], told["roles"]) == ("Hi é\n", "question", ["viewer"])


def test_what_is_decided_at_the_end_is_tried_when_it_is_said(folder: Path) -> None:
    assert "not decided here" in run(folder, "Fine.").stdout
    assert "delivered as it is:\nFine.\n" in run(folder, "--source", "https://docs.example/a", "Fine.").stdout
    assert "cannot be shown" in run(folder, "--certain", "Fine.").stdout


def test_what_a_terminal_would_obey_is_told_as_an_escape(folder: Path) -> None:
    assert "\x1b" not in run(folder, "\x1b[31mred").stdout


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["--tenant", "acne", "Hi"], None, 'there is no tenant "acne"'),
        (["--route", "crm", "Hi"], None, 'no route "crm"'),
        (["-"], "x" * (LONGEST + 1), f"at most {LONGEST} characters"),
        (["-"], b"\xff", "UTF-8"),
        (["--direction", "up", "Hi"], None, "direction"),
    ],
)
def test_what_cannot_be_tried_is_wrong_usage(
    folder: Path, arguments: list[str], stdin: str | bytes | None, said: str
) -> None:
    done = run(folder, *arguments, stdin=stdin)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_wrong_policy_ends_with_3(folder: Path) -> None:
    (folder / "acme.yaml").write_text("kind: Nothing")
    done = run(folder, "Hi")
    assert (done.exit_code, done.stdout) == (3, "")
    assert "acme.yaml" in done.stderr
