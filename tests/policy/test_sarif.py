"""Problems for code scanning, in the shape that SARIF 2.1.0 asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kapagate.policy import codes
from kapagate.policy.finding import Diagnostic
from kapagate.policy.load import Loaded
from kapagate.policy.position import Span
from kapagate.policy.sarif import sarif


def results(*found: Diagnostic) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = sarif(found, "1.2.3")["runs"][0]["results"]
    return made


def test_a_run_names_the_tool_the_rules_and_each_result(load: Callable[..., Loaded], limited: str) -> None:
    loaded = load(limited.replace("severity: low", "sevrity: low").replace("id: door", "id: answer"))
    log = sarif(loaded.diagnostics, "1.2.3")
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    run = log["runs"][0]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("kapagate", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == ["KG214", "KG302"]
    assert run["results"][0] == {
        "ruleId": "KG214",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": 'unknown field "sevrity" in note.level; did you mean "severity"?'},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "gateway.yaml"},
                    "region": {"startLine": 18, "startColumn": 30, "endLine": 18, "endColumn": 37},
                }
            }
        ],
    }


def test_every_result_points_to_its_rule(load: Callable[..., Loaded], good: str) -> None:
    run = sarif(load(good.replace("count", "cuont").replace("project", "porject")).diagnostics, "1")["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert run["results"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])
    assert all(each["level"] in ("error", "warning") and each["message"]["text"] for each in run["results"])


@pytest.mark.parametrize(
    ("file", "uri"), [("a b/ü.yaml", "a%20b/%C3%BC.yaml"), ("/etc/kapagate/x.yaml", "file:///etc/kapagate/x.yaml")]
)
def test_a_path_is_a_uri_reference(file: str, uri: str) -> None:
    [result] = results(Diagnostic(codes.EMPTY, Span(file), "holds no document"))
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_a_warning_has_its_level() -> None:
    assert results(Diagnostic(codes.UNLIMITED, Span("x.yaml"), "no limit"))[0]["level"] == "warning"
