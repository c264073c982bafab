from __future__ import annotations

from pathlib import Path

import pytest

from tests.policytest.trials import failures, results

CALL = "caller: ann, route: crm, method: POST, body: {a: 1}"
ANSWER = 'upstream: {status: 201, headers: {X-One: "1"}, body: {list: [1], word: yes sir, flag: true}}'


@pytest.mark.parametrize(
    "expect",
    [
        "status: 201, outcome: answered",
        'headers: {x-one: "1", X-Two: null}',
        "text: {contains: yes sir, lacks: [no]}, body: {list: [1], flag: true, other: null}",
        "upstream: {calls: 1, name: crm, request: POST /crm/, headers: {Authorization: null}, body: {a: 1}}",
        "decisions: {rbac: passed, answer: skipped}, audit: {subject: ann, status: 201}",
        'metrics: {"http_requests_total{method=POST}": 1, "kapagate_refusals_total": 0}',
    ],
)
async def test_what_is_as_expected_is_good(expect: str, tmp_path: Path) -> None:
    assert await failures(tmp_path, f"- {{name: n, {CALL}, {ANSWER}, expect: {{{expect}}}}}\n") == []


@pytest.mark.parametrize(
    ("expect", "missed"),
    [
        ("status: 200", ("status", "200", "201")),
        ("outcome: refused", ("outcome", "refused", "answered")),
        ("problem: forbidden", ("problem", "forbidden", "nothing")),
        ('headers: {X-One: "2"}', ("headers.X-One", '"2"', '"1"')),
        ("headers: {X-One: null}", ("headers.X-One", "nothing", '"1"')),
        ("text: {lacks: sir}", ("text.lacks.0", 'a text without "sir"', '"{"list":[1],"word":"yes sir","flag":true}"')),
        ("body: {list: [2]}", ("body.list", "[2]", "[1]")),
        ("body: {flag: 1}", ("body.flag", "1", "true")),
        ("body: {gone: 1}", ("body.gone", "1", "nothing")),
        ("upstream: {calls: 2}", ("upstream.calls", "2", "1")),
        ("upstream: {body: {a: 2}}", ("upstream.body.a", "2", "1")),
        ("upstream: {name: kapa}", ("upstream.name", "kapa", "crm")),
        ("decisions: {rbac: refused}", ("decisions.rbac", "refused", "passed")),
        ("decisions: {answer: changed}", ("decisions.answer", "changed", "skipped (uninspectable)")),
        ("audit: {subject: bob}", ("audit.subject", '"bob"', '"ann"')),
        ('metrics: {"http_requests_total{method=POST}": 2}', ("metrics.http_requests_total{method=POST}", "2", "1")),
    ],
)
async def test_what_is_otherwise_is_told_with_what_came(
    expect: str, missed: tuple[str, str, str], tmp_path: Path
) -> None:
    assert await failures(tmp_path, f"- {{name: n, {CALL}, {ANSWER}, expect: {{{expect}}}}}\n") == [missed]


async def test_what_should_have_been_sent_was_not(tmp_path: Path) -> None:
    case = "- {name: n, route: crm, expect: {upstream: {request: GET /crm/}}}\n"
    assert await failures(tmp_path, case) == [("upstream", "a request to the upstream", "none")]


async def test_a_refusal_is_told_with_its_detail(tmp_path: Path) -> None:
    case = "- {name: n, route: crm, expect: {status: 200}}\n"
    assert await failures(tmp_path, case) == [("status", "200", "401 (this gateway asks for credentials)")]


async def test_a_miss_points_to_where_it_was_expected(tmp_path: Path) -> None:
    cases = """\
- name: n
  caller: ann
  route: crm
  calls:
    - expect: {status: 200}
    - expect:
        decisions:
          rbac: refused
"""
    (result,) = await results(tmp_path, cases)
    (missed,) = result.failures
    assert (missed.what, missed.span.line) == ("call 2: decisions.rbac", 21)
    assert "passed: identify, audit, rbac" in missed.story
