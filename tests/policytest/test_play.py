from __future__ import annotations

from pathlib import Path

from kapagate.policytest.declaration import Case
from kapagate.policytest.play import calls_of
from tests.policytest.trials import failures


def test_what_stands_beside_calls_holds_for_those_that_say_nothing_else() -> None:
    raw = {"name": "n", "caller": "ann", "route": "crm", "calls": [{"after": "2s"}, {"caller": "bob", "after": "0s"}]}
    first, second = calls_of(Case.model_validate(raw))
    assert (first.caller, first.route, first.after) == ("ann", "crm", 2.0)
    assert (second.caller, second.route, second.after) == ("bob", "crm", 0.0)


def test_a_case_without_calls_is_its_own_call() -> None:
    case = Case.model_validate({"name": "n", "route": "crm"})
    assert calls_of(case) == (case,)


async def test_a_call_names_a_route_or_spells_its_request_out(tmp_path: Path) -> None:
    cases = """\
- name: routes
  caller: ann
  calls:
    - {route: crm, path: {rest: a b/c}, query: {q: "1 2"}, expect: {upstream: {request: "GET /crm/a%20b/c?q=1+2"}}}
    - {route: crm, method: POST, body: hello, expect: {upstream: {request: POST /crm/, text: {equals: hello}}}}
- name: requests
  caller: ann
  calls:
    - {request: "GET /crm/x?y=1", expect: {upstream: {name: crm, request: "GET /crm/x?y=1"}}}
    - {request: GET /crm//x, expect: {status: 400, outcome: refused, problem: malformed-path, upstream: {calls: 0}}}
    - {request: GET /elsewhere, after: 1m, expect: {status: 404}}
"""
    assert await failures(tmp_path, cases) == []


async def test_a_parameter_that_a_path_lacks_is_asked_for(tmp_path: Path) -> None:
    missed = await failures(tmp_path, "- {name: n, caller: sender, route: hooks, expect: {status: 200}}\n")
    assert missed == [("the call", "a request", 'the path of "hooks" needs "source": path: {source: ...}')]


async def test_the_clock_stands_where_the_case_says_and_moves_when_it_says(tmp_path: Path) -> None:
    cases = """\
- name: time
  now: 2030-05-01T10:00:00Z
  caller: ann
  route: crm
  calls:
    - {expect: {audit: {received_at: "2030-05-01T10:00:00.000Z"}}}
    - {after: 59m, expect: {status: 200, audit: {received_at: "2030-05-01T10:59:00.000Z"}}}
    - {after: 2m, expect: {status: 401}}
"""
    assert await failures(tmp_path, cases) == []


async def test_a_backends_text_is_its_text_whatever_stands_in_it(tmp_path: Path) -> None:
    cases = """\
- name: separators
  caller: ann
  route: crm
  upstream: {body: one ␞ two}
  expect: {text: {equals: one ␞ two}}
"""
    assert await failures(tmp_path, cases) == []
