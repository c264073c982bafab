"""What is told of a field of a policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from kapagate.policy.field_report import FieldReport, field_report, field_text
from kapagate.policy.load import Layers, Loaded
from kapagate.policy.placeholders import load_with_placeholders
from kapagate.policy.table import Table
from kapagate.remote.references import References
from kapagate.run import offline
from tests.policy.test_explain import GATEWAY, TENANT

ENVIRONMENT = """\
apiVersion: kapagate.dev/v1
kind: Environment
name: production
chain:
  - {at: ask, set: {max_length: 300}}
"""


def loaded(folder: Path, environment: str | None = None) -> Loaded:
    (folder / "gateway.yaml").write_text(GATEWAY)
    (folder / "acme.yaml").write_text(TENANT)
    (folder / "production.yaml").write_text(ENVIRONMENT)
    found, _ = load_with_placeholders(
        lambda resolve: offline([folder], resolve, Layers(environment)), References({"LIMIT": "60"})
    )
    assert found.ok, found.report()
    return found


def report(folder: Path, field: str, environment: str | None = None) -> FieldReport:
    return field_report(loaded(folder, environment), Table(), field)


def test_it_has_documentation_default_order_examples_and_places(tmp_path: Path) -> None:
    assert field_text(report(tmp_path, "guard_question.max_length")).replace(f"{tmp_path}/", "") == (
        "guard_question.max_length\n"
        "  The longest text in characters; longer ones are refused.\n"
        "  type: whole number, at least 1\n"
        "  default: left out\n"
        "  order: lower is tighter\n"
        "  examples: 4000\n"
        "\n"
        "set:\n"
        "  ask = 400  gateway.yaml:18:34 (gateway)\n"
        "  ask = 300  production.yaml:5:33 (environment production); not in force without --env\n"
        "  ask = 100  acme.yaml:6:33 (tenant acme)"
    )


def test_the_environment_that_is_chosen_is_in_force(tmp_path: Path) -> None:
    assert "not in force" not in field_text(report(tmp_path, "ask.max_length", "production"))


def test_what_no_layer_sets_is_said_so(tmp_path: Path) -> None:
    assert field_text(report(tmp_path, "guard_answer.disclaimer")).endswith("set: nowhere in this policy")


def test_of_what_has_no_order_it_is_said_what_that_means(tmp_path: Path) -> None:
    assert "order: none: where its step is locked" in field_text(report(tmp_path, "rate_limit.per"))
    assert "order:" not in field_text(report(tmp_path, "kapa.url"))


def test_a_whole_filter_is_told_without_places(tmp_path: Path) -> None:
    told = report(tmp_path, "guard_answer")
    assert told.set_at is None
    assert field_text(told).startswith("Guards what is said")


def test_no_secret_is_told(tmp_path: Path) -> None:
    told = field_text(report(tmp_path, "jwt.secret"))
    assert "identify = ${env:SECRET}" in told


def test_a_field_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r'did you mean "guard_question\.max_length"'):
        report(tmp_path, "guard_question.max_lenght")
