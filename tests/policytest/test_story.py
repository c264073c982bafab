from __future__ import annotations

from pathlib import Path

from tests.policytest.trials import results


async def test_a_failure_tells_what_every_step_decided_and_why(tmp_path: Path) -> None:
    cases = """\
- name: n
  caller: ann
  route: kapa.chat
  body: {query: Hello?}
  upstream: {answer: Write to ada@nimbus.example.}
  failing: [limits]
  expect: {status: 404}
"""
    (result,) = await results(tmp_path, cases)
    assert result.failures[0].story.splitlines() == [
        "POST /query/v1/projects/default/chat/: answered, 200",
        "passed: identify, audit, rbac, kapa.ownership, upstream.kapa",
        "rate_limit: skipped (failed)",
        "answer: changed (email 1)",
    ]


async def test_a_refusal_names_its_step_and_reason(tmp_path: Path) -> None:
    (result,) = await results(tmp_path, "- {name: n, route: crm, expect: {status: 200}}\n")
    first, *_ = result.failures[0].story.splitlines()
    assert first == "GET /crm/: refused, 401 credentials-required by identify (this gateway asks for credentials)"
