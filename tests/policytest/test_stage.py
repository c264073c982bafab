from __future__ import annotations

from pathlib import Path

from tests.policytest.trials import failures


async def test_cases_see_nothing_of_each_other(tmp_path: Path) -> None:
    once = "\n  calls: [{}, {expect: {status: 200}}, {expect: {status: 429, step: rate_limit}}]"
    cases = "\n".join(f"- name: case {number}\n  caller: ann\n  route: crm{once}" for number in range(3))
    assert await failures(tmp_path, cases) == []


async def test_a_part_that_fails_fails_for_its_case_alone(tmp_path: Path) -> None:
    cases = """\
- {name: limits, failing: [limits], caller: ann, route: crm, expect: {status: 200, decisions: {rate_limit: skipped}}}
- {name: step, failing: [rate_limit], caller: ann, route: crm, expect: {decisions: {rate_limit: skipped}}}
- {name: audit, failing: [audit], caller: ann, route: crm, expect: {status: 503, step: audit}}
- {name: ownership, failing: [ownership], caller: ann, route: kapa.chat, body: {query: Hello?}, expect: {status: 503}}
- {name: deliveries, failing: [deliveries], caller: sender, route: hooks, path: {source: a}, expect: {status: 503}}
- {name: nothing, caller: ann, route: crm, expect: {status: 200, decisions: {rate_limit: passed}}}
"""
    assert await failures(tmp_path, cases) == []


async def test_the_gateways_own_endpoints_say_their_names(tmp_path: Path) -> None:
    cases = "- {name: health, caller: ann, route: health, expect: {status: 403}}\n"
    allowed = "- {name: health, caller: ann, route: health, expect: {body: {endpoint: system_health}}}\n"
    assert await failures(tmp_path, cases) == []
    from tests.policytest.trials import POLICY

    policy = POLICY.replace("route.health]", "admin.health.read]")
    assert await failures(tmp_path, allowed, policy=policy) == []
