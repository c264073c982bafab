from __future__ import annotations

from collections import Counter
from pathlib import Path

from kapagate.policytest.coverage import Coverage
from tests.policytest.trials import prepared

CASES = """\
- {name: in, caller: ann, route: crm, expect: {status: 200}}
- {name: out, route: crm, expect: {status: 401}}
"""


async def test_what_was_reached_is_counted(tmp_path: Path) -> None:
    session = prepared(tmp_path, CASES)
    await session.run(session.suites.cases)
    reached = session.coverage.reached
    assert (reached["identify", "passed"], reached["identify", "refused"], reached["rbac", "refused"]) == (1, 1, 0)
    assert ("rbac", "refused") in session.coverage.missing
    assert ("identify", "refused") not in session.coverage.missing


def test_the_table_tells_reached_missing_and_impossible_apart() -> None:
    coverage = Coverage({"rbac": {"passed", "refused"}, "long-name": {"passed"}}, Counter({("rbac", "passed"): 3}))
    head, rbac, other, _, last = coverage.table().splitlines()
    assert head.split() == ["step", "passed", "changed", "answered", "refused", "withheld", "skipped"]
    assert rbac.split() == ["rbac", "3", "-", "-", "0", "-", "-"]
    assert other.split() == ["long-name", "0", "-", "-", "-", "-", "-"]
    assert last == "coverage: 1 of 3 decisions, 33.3 %"


def test_where_nothing_is_possible_all_of_it_was_reached() -> None:
    assert Coverage().percent == 100.0
