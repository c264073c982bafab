from __future__ import annotations

from pathlib import Path

import pytest

from kapagate.policytest.coverage import steps_of
from kapagate.policytest.decisions import possible
from tests.policytest.trials import POLICY, failures, prepared

NOTHING = "- {name: n, route: crm, expect: {status: 401}}\n"


def declared(folder: Path, chain: str) -> dict[str, set[str]]:
    """What the steps of a policy with this chain can decide."""
    policy = POLICY.replace("  - guard_answer: {pii: redact}\n    id: answer\n", chain)
    session = prepared(folder, NOTHING, policy=policy)
    assert session.report() == ""
    return {step: {*found} for step, found in session.coverage.possible.items()}


@pytest.mark.parametrize(
    ("step", "decisions"),
    [
        ("rbac: {}", {"passed", "refused"}),
        ("enrich: {add: {tenant_id: tenant}}", {"passed"}),
        ("guard_question: {max_length: 9, pii: allow}", {"passed", "refused", "skipped"}),
        ("guard_question: {pii: redact}", {"passed", "changed", "skipped"}),
        ("guard_question: {pii: redact, blocked_terms: [x]}", {"passed", "changed", "refused", "skipped"}),
        ("guard_answer: {pii: refuse}", {"passed", "refused", "skipped"}),
        ("guard_answer: {sources: {min: 1}, at_end: disclaim}", {"passed", "changed", "withheld", "skipped"}),
        ("guard_answer: {pii: allow, sources: {min: 1}, at_end: error}", {"passed", "refused", "withheld", "skipped"}),
    ],
)
def test_a_step_can_decide_what_its_options_ask_for(step: str, decisions: set[str], tmp_path: Path) -> None:
    assert declared(tmp_path, f"  - {step}\n    id: own\n")["own"] == decisions


@pytest.mark.parametrize(
    ("beside", "decisions"),
    [
        ("on_error: allow", {"passed", "refused", "skipped"}),
        ("when: {role: [viewer]}", {"passed", "refused", "skipped"}),
        ("when: {route: [crm]}", {"passed", "refused"}),
        ("mode: shadow", {"passed", "refused"}),
    ],
)
def test_what_stands_beside_a_step_can_pass_it_by(beside: str, decisions: set[str], tmp_path: Path) -> None:
    assert declared(tmp_path, f"  - rbac: {{}}\n    id: own\n    {beside}\n")["own"] == decisions


def test_what_is_off_or_only_watches_decides_nothing(tmp_path: Path) -> None:
    found = declared(tmp_path, "  - rbac: {}\n    id: own\n    mode: off\n")
    assert {"own", "metrics"}.isdisjoint(found)


def test_a_shadow_withholds_nothing(tmp_path: Path) -> None:
    step = "  - guard_answer: {sources: {min: 1}, at_end: disclaim}\n    id: own\n    mode: shadow\n"
    assert declared(tmp_path, step)["own"] == {"passed", "changed", "skipped"}


async def test_the_answer_counts_more_than_the_request(tmp_path: Path) -> None:
    cases = """\
- name: answer
  caller: ann
  route: kapa.chat
  body: {query: Hello?}
  upstream: {answer: Write to ada@nimbus.example.}
  expect: {decisions: {answer: changed, rbac: passed}}
- {name: refused, route: crm, expect: {decisions: {identify: refused}}}
"""
    assert await failures(tmp_path, cases) == []


def test_every_step_of_the_policy_is_known(tmp_path: Path) -> None:
    session = prepared(tmp_path, NOTHING)
    (stage,) = session.stages
    ids = [each.id for each in steps_of(stage.generation)]
    assert ids[0] == "identify"
    assert {"hooks.identify", "answer"} <= {*ids}
    assert possible(next(steps_of(stage.generation)), stage.generation.routes.routes) == {"passed", "refused"}
