from __future__ import annotations

from pathlib import Path

import pytest

from tests.policytest.trials import TESTS, prepared

GOOD = "caller: ann, route: crm, expect: {status: 200}"


@pytest.mark.parametrize(
    ("case", "code", "column", "said"),
    [
        (f"{{name: n, {GOOD.replace('caller', 'callr')}}}", "KG214", 15, 'did you mean "caller"?'),
        (f"{{name: n, {GOOD.replace('ann', 'anne')}}}", "KG501", 23, 'did you mean "ann"?'),
        (f"{{name: n, {GOOD.replace('crm', 'crmm')}}}", "KG307", 35, 'did you mean "crm"?'),
        (f"{{name: n, {GOOD.replace('200', 'ok')}}}", "KG211", 57, "expected a whole number"),
        ("{name: n, caller: ann, route: crm}", "KG210", 12, 'give it an "expect"'),
        ("{name: n, expect: {status: 200}}", "KG503", 12, "exactly one of route and request"),
        ("{name: n, request: crm, expect: {status: 200}}", "KG503", 24, "a method and a target"),
        ("{name: n, route: crm, expect: {decisions: {rbak: passed}}}", "KG301", 48, 'did you mean "rbac"?'),
        ("{name: n, route: crm, expect: {decisions: {rbac: pased}}}", "KG213", 54, 'did you mean "passed"?'),
        ("{name: n, route: crm, expect: {step: rbak}}", "KG301", 42, 'did you mean "rbac"?'),
        ('{name: n, route: crm, expect: {metrics: {"a b": 1}}}', "KG212", 46, "a series is"),
        ("{name: n, route: crm, failing: [audits], expect: {status: 1}}", "KG301", 37, 'did you mean "audit"?'),
        (
            "{name: n, route: crm, expect: {status: 1}, calls: [{expect: {status: 1}}]}",
            "KG215",
            27,
            "each of the calls",
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(case: str, code: str, column: int, said: str, tmp_path: Path) -> None:
    session = prepared(tmp_path, f"- {case}\n")
    found = [each for each in session.problems if each.is_error]
    assert [(each.code.name, each.span.line, each.span.column) for each in found] == [(code, 14, column)]
    assert said in session.report()


def test_two_cases_with_one_name_are_told(tmp_path: Path) -> None:
    session = prepared(tmp_path, f"- {{name: n, {GOOD}}}\n- {{name: n, {GOOD}}}\n")
    assert [each.code.name for each in session.problems] == ["KG502"]


def test_two_documents_with_one_name_are_told(tmp_path: Path) -> None:
    tmp_path.joinpath("more.yaml").write_text(f"{TESTS}  - {{name: n, {GOOD}}}\n")
    session = prepared(tmp_path, f"- {{name: n, {GOOD}}}\n")
    assert [each.code.name for each in session.problems] == ["KG203"]
    assert 'the policy test "small" is declared twice' in session.report()
