"""`kapagate check` tells all problems and its exit code says how it went."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kapagate.cli.check import check

GATEWAY = "apiVersion: kapagate.dev/v1\nkind: Gateway\nname: docs\n"


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("gateway.yaml")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(check, arguments)


def test_a_good_policy_is_one_line_and_exit_code_0(policy: Path) -> None:
    policy.write_text(GATEWAY)
    result = run("gateway.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "1 document, 0 tenants, 0 routes: no problems\n", "")


def test_problems_go_to_standard_error_with_exit_code_3(policy: Path) -> None:
    policy.write_text(GATEWAY.replace("name", "nmae") + "state: ${env:ABSENT_FROM_EVERY_ENVIRONMENT}\n")
    result = run("gateway.yaml")
    assert result.exit_code == 3
    assert result.stdout == "1 document, 0 tenants, 0 routes: 2 errors\n"
    assert result.stderr.startswith(
        'gateway.yaml:3:1  error KG214  unknown field "nmae"\n    3 | nmae: docs\n      | ^^^^\n'
    )
    assert "gateway.yaml:4:8  error KG403" in result.stderr


METRICS = (
    GATEWAY
    + """\
roles: {viewer: {allow: [kapa.chat]}, admin: {allow: ["*"], deny: [admin.config.read]}}
upstreams: {crm: {type: http, url: "http://127.0.0.1:9000"}}
gate:
  - rate_limit: {per: [ip], limit: 60/min}
chain: [{metrics: {}}]
routes: [{name: crm, match: "GET /crm", upstream: crm, public: true}]
"""
)


def test_the_most_series_of_metrics_are_told_before_the_summary(policy: Path) -> None:
    policy.write_text(METRICS)
    first, last = run("gateway.yaml").stdout.splitlines()
    assert re.fullmatch(
        r"metrics: never more than \d+ series, 50000 are allowed; most in http_requests_total: \d+", first
    )
    assert last == "1 document, 0 tenants, 1 route: no problems"


def test_the_matrix_has_a_line_for_everything_that_can_be_asked(policy: Path) -> None:
    policy.write_text(METRICS)
    _, _, table = run("gateway.yaml", "--matrix").stdout.partition("\n\n")
    assert [line.split() for line in table.splitlines() if "audit" not in line] == [
        ["needs", "viewer", "admin"],
        ["crm", "route.crm", "anybody", "anybody"],
        ["GET", "/api/admin/config", "admin.config.read", "-", "denied"],
        ["POST", "/api/admin/guard/try", "admin.guard.try", "-", "yes"],
        ["POST", "/api/admin/reload", "admin.config.reload", "-", "yes"],
        ["GET", "/api/admin/shadow", "admin.shadow.read", "-", "yes"],
        ["GET", "/api/system/health", "admin.health.read", "-", "yes"],
    ]


def test_a_policy_with_errors_has_no_matrix(policy: Path) -> None:
    policy.write_text(METRICS.replace("kapa.chat", "kapa.chta"))
    result = run("gateway.yaml", "--matrix")
    assert result.exit_code == 3
    assert result.stdout == "1 document, 0 tenants, 1 route: 1 error\n"


def test_a_route_without_a_limit_is_a_warning(policy: Path) -> None:
    policy.write_text(METRICS.replace("ip], limit: 60/min}", "ip], limit: 60/min}\n    mode: 'off'"))
    result = run("gateway.yaml")
    assert result.exit_code == 0
    assert result.stderr.startswith("gateway.yaml:10:51  warning KG351  nothing limits how often crm may be asked\n")


def test_usage_is_exit_code_2(policy: Path) -> None:
    assert run().exit_code == 2
    assert run("absent.yaml").exit_code == 2


def test_directories_and_files_are_one_policy(policy: Path) -> None:
    policy.write_text(GATEWAY)
    Path("tenants").mkdir()
    Path("tenants/acme.yaml").write_text("apiVersion: kapagate.dev/v1\nkind: Tenant\nname: acme\n")
    assert run("gateway.yaml", "tenants").stdout == "2 documents, 1 tenant, 0 routes: no problems\n"


@pytest.mark.parametrize(
    "text", ["", "\0", "- a", "a: [", "[" * 10_000, "kind: Gateway\ngate: 3\nroles: []\nroutes: x"]
)
def test_nothing_in_a_file_is_answered_with_a_traceback(policy: Path, text: str) -> None:
    policy.write_text(text)
    result = run("gateway.yaml")
    assert result.exit_code == 3
    assert "error KG" in result.stderr
    assert "Traceback" not in result.stderr


WRONG = METRICS.replace("limit: 60/min", "limti: 60/min")


def test_as_json_everything_is_on_standard_output(policy: Path) -> None:
    policy.write_text(WRONG)
    result = run("gateway.yaml", "--format", "json")
    told = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (3, "")
    assert (told["ok"], told["errors"], told["routes"]) == (False, 1, 1)
    assert [(each["code"], each["suggestion"]) for each in told["problems"]] == [("KG214", "limit")]


def test_the_matrix_is_in_the_json_when_it_is_asked_for(policy: Path) -> None:
    policy.write_text(METRICS)
    assert "matrix" not in json.loads(run("gateway.yaml", "--format", "json").stdout)
    told = json.loads(run("gateway.yaml", "--format", "json", "--matrix").stdout)
    assert told["series"]["total"] == sum(told["series"]["families"].values())
    assert told["matrix"][0] == {
        "name": "crm",
        "permission": "route.crm",
        "roles": {"viewer": "anybody", "admin": "anybody"},
    }


def test_code_scanning_and_workflows_have_their_formats(policy: Path) -> None:
    policy.write_text(WRONG)
    assert json.loads(run("gateway.yaml", "--format", "sarif").stdout)["runs"][0]["results"][0]["ruleId"] == "KG214"
    result = run("gateway.yaml", "--format", "github")
    assert result.exit_code == 3
    assert result.stdout.startswith("::error file=gateway.yaml,line=7,")


def test_a_good_policy_is_no_note_at_all(policy: Path) -> None:
    policy.write_text(GATEWAY)
    result = run("gateway.yaml", "--format", "github")
    assert (result.exit_code, result.output) == (0, "")


def test_placeholders_may_stand_for_what_is_missing_and_are_told_of(policy: Path) -> None:
    policy.write_text(GATEWAY + 'pseudonyms: {key: "${env:ABSENT_FROM_EVERY_ENVIRONMENT}"}\n')
    assert run("gateway.yaml").exit_code == 3
    result = run("gateway.yaml", "--allow-missing-secrets")
    assert result.exit_code == 0
    assert result.stderr == "placeholders stand for what is not here: env:ABSENT_FROM_EVERY_ENVIRONMENT\n"
    told = json.loads(run("gateway.yaml", "--allow-missing-secrets", "--format", "json").stdout)
    assert told["placeholders"] == ["env:ABSENT_FROM_EVERY_ENVIRONMENT"]


def test_a_pipe_gets_no_colours(policy: Path) -> None:
    policy.write_text(WRONG)
    assert "\x1b" not in run("gateway.yaml").output


LAYERED = (
    GATEWAY
    + """\
listen: {limits: {connections: "${env:ABSENT_COUNT}"}}
---
apiVersion: kapagate.dev/v1
kind: Environment
name: production
listen: {limits: {connections: 10}}
"""
)


def test_what_an_environment_has_in_place_of_a_placeholder_counts_as_looser(policy: Path) -> None:
    policy.write_text(LAYERED)
    told = run("gateway.yaml", "--env", "production").stdout.splitlines()
    assert told[-3:-1] == [
        'the environment "production" loosens:',
        "unknown  gateway.listen.limits.connections: ${env:ABSENT_COUNT} (gateway.yaml:4:32) -> 10 (gateway.yaml:9:32)",
    ]
