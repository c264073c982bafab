from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import orjson

from kapagate.policytest.report import as_json, as_junit, as_text, summary
from tests.policytest.trials import prepared, results

CASES = """\
- {name: good, caller: ann, route: crm, expect: {status: 200}}
- {name: "bad\\x07", caller: ann, route: crm, expect: {status: 404, outcome: refused}}
"""


async def test_text_tells_failures_with_expected_got_and_why(tmp_path: Path) -> None:
    text = as_text(await results(tmp_path, CASES)).replace(str(tmp_path), "T")
    assert text.splitlines() == [
        "FAILED small: bad\\x07",
        "  T/tests.yaml:15:79  outcome",
        "    expected refused",
        "    got      answered",
        "  T/tests.yaml:15:65  status",
        "    expected 404",
        "    got      200",
        "    | GET /crm/: answered, 200",
        "    | passed: identify, audit, rbac, rate_limit",
        "    | answer: skipped (uninspectable)",
    ]


async def test_the_summary_counts_and_measures(tmp_path: Path) -> None:
    found = await results(tmp_path, CASES)
    assert summary(found, 0.002) == "2 cases, 2 calls: 1 failed (0.002 s, 1,000 cases/s)"
    assert summary(found[:1], 0.0) == "1 case, 1 call: all passed (0.000 s, at once)"


async def test_json_tells_everything(tmp_path: Path) -> None:
    session = prepared(tmp_path, CASES)
    told = orjson.loads(as_json(await session.run(session.suites.cases), 0.5, session.coverage))
    assert (told["passed"], told["failed"], told["seconds"]) == (1, 1, 0.5)
    assert [case["passed"] for case in told["cases"]] == [True, False]
    assert told["cases"][1]["failures"][0]["what"] == "outcome"
    assert told["coverage"]["steps"]["rbac"] == {"passed": 2, "refused": 0}


async def test_junit_has_a_suite_per_document_and_a_failure_per_bad_case(tmp_path: Path) -> None:
    root = ElementTree.fromstring(as_junit(await results(tmp_path, CASES), 0.5))
    (suite,) = root
    assert suite.attrib == {"name": "small", "tests": "2", "failures": "1", "errors": "0"}
    good, bad = suite
    assert (good.get("name"), len(good)) == ("good", 0)
    assert bad[0].get("message") == "outcome: expected refused, got answered"
    assert "expected 404" in (bad[0].text or "")
