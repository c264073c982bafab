from __future__ import annotations

import re
from pathlib import Path

import pytest

from kapagate.policytest.session import Session
from tests.policytest.trials import POLICY, TESTS, failures, prepared, results

ROOT = Path(__file__).resolve().parents[2]
CASE = "- {name: n, caller: ann, route: crm, expect: {status: 200}}\n"


async def test_no_secret_of_a_policy_need_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMIT", "no number")
    assert await failures(tmp_path, CASE) == []


async def test_an_environment_is_what_the_tests_say_it_is(tmp_path: Path) -> None:
    cases = """\
- name: crm
  environment: {KAPA_URL: "https://kapa.example/base"}
  caller: ann
  route: kapa.chat
  body: {query: Hello?}
  expect: {upstream: {request: POST /base/query/v1/projects/0d2f4c1a-7b3e-4f5a-9c6d-8e1f2a3b4c5d/chat/}}
"""
    head = TESTS.replace("callers:", "environment: {PROJECT: 0d2f4c1a-7b3e-4f5a-9c6d-8e1f2a3b4c5d}\ncallers:")
    assert await failures(tmp_path, cases, head=head) == []


def test_the_policy_is_loaded_once_for_all_cases_that_ask_for_the_same_environment(tmp_path: Path) -> None:
    other = CASE.replace("name: n,", "name: o, environment: {LIMIT: '3'},")
    session = prepared(tmp_path, CASE + CASE.replace("name: n", "name: m") + other)
    assert session.ok
    assert len(session.stages) == 2


def test_a_policy_that_is_wrong_is_told_and_not_run(tmp_path: Path) -> None:
    session = prepared(tmp_path, CASE, policy=POLICY.replace("- rbac: {}", "- rbak: {}"))
    assert not session.ok
    assert 'did you mean "rbac"?' in session.report()


def test_tests_without_a_policy_are_told(tmp_path: Path) -> None:
    (tmp_path / "tests.yaml").write_text(TESTS + "  " + CASE)
    session = Session()
    session.prepare([tmp_path])
    assert [each.code.name for each in session.problems] == ["KG204"]


async def test_cases_are_chosen_by_their_names(tmp_path: Path) -> None:
    prepared(tmp_path, CASE + CASE.replace("name: n", "name: other"))
    assert [each.name for each in Session().prepare([tmp_path], re.compile("small: o"))] == ["small: other"]


async def test_a_case_that_fails_does_not_keep_others_from_running(tmp_path: Path) -> None:
    found = await results(tmp_path, CASE.replace("200", "404") + CASE.replace("name: n", "name: m"))
    assert [each.ok for each in found] == [False, True]


async def test_the_example_policies_do_what_their_tests_say_and_these_reach_every_decision() -> None:
    session = Session()
    cases = session.prepare([ROOT / "policies"])
    assert session.ok, session.report()
    found = await session.run(cases)
    assert [(each.planned.name, each.failures) for each in found if not each.ok] == []
    assert session.coverage.missing == []


def test_results_come_of_a_loop_of_their_own(tmp_path: Path) -> None:
    session = prepared(tmp_path, CASE)
    assert [each.ok for each in session.results(session.suites.cases)] == [True]
