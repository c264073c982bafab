from __future__ import annotations

from pathlib import Path

import pytest

from kapagate.chain.problem import Problem
from kapagate.policy.explain import Explanation, StepExplained, as_text, explain
from kapagate.policy.load import Loaded
from kapagate.policy.placeholders import load_with_placeholders
from kapagate.remote.references import References
from kapagate.run import offline

GATEWAY = """\
apiVersion: kapagate.dev/v1
kind: Gateway
name: small
pseudonyms: {key: "${env:PSEUDONYMS}"}
roles: {viewer: {allow: [kapa.chat]}, operator: {allow: ["*"]}}
upstreams:
  kapa: {type: kapa, url: "https://kapa.example"}
  crm: {type: http, url: "https://crm.example"}
gate:
  - identify: {schemes: [{jwt: {issuer: "https://id.example", audience: docs, algorithms: [HS256],
                                secret: "${env:SECRET}", claims: {tenant: org}}}]}
chain:
  - audit: {}
  - metrics: {}
  - rbac: {}
  - rate_limit: {per: [tenant], limit: "${env:LIMIT}/min", burst: 3}
    when: {route: [crm]}
  - guard_question: {max_length: 400}
    id: ask
  - guard_answer: {pii: refuse}
    id: answer
    mode: shadow
    when: {role: [viewer]}
routes:
  - {name: crm, match: "GET /crm/{rest:*}", upstream: crm, on_uninspectable: pass}
  - name: hooks
    match: POST /hooks/{source}
    upstream: crm
    on_uninspectable: pass
    identify: {schemes: [{webhook_signature: {scheme: github, secrets: ["${env:SECRET}"], tenant: acme, subject: hub}}]}
"""
TENANT = """\
apiVersion: kapagate.dev/v1
kind: Tenant
name: acme
upstreams: {kapa: {project: "${env:KG_ACME_PROJECT}", api_key: "${env:KG_ACME_KEY}", source_groups: all}}
chain:
  - {at: ask, set: {max_length: 100}}
"""
CHAT = "/query/v1/projects/default/chat/"


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    (tmp_path / "gateway.yaml").write_text(GATEWAY)
    (tmp_path / "acme.yaml").write_text(TENANT)
    found, _ = load_with_placeholders(
        lambda resolve: offline([tmp_path], resolve), References({"LIMIT": "60", "SECRET": "hush-" * 10})
    )
    assert found.ok, found.report()
    return found


def step(told: Explanation, name: str) -> StepExplained:
    return next(each for each in told.steps if each.id == name)


def option(told: Explanation, name: str, path: str) -> tuple[object, str]:
    found = next(each for each in step(told, name).options if each.name == path)
    return found.value, str(found.origin).rpartition("/")[2]


def test_a_request_is_told_with_its_route_and_steps_in_order(loaded: Loaded) -> None:
    told = explain(loaded, "POST", CHAT, "acme", ["viewer"])
    assert (told.route, told.permission, told.leads_to) == ("kapa.chat", "kapa.chat", "upstream kapa")
    assert [(each.lane, each.id) for each in told.steps] == [
        ("gate", "identify"),
        *(("chain", name) for name in ("audit", "metrics", "rbac", "rate_limit", "ask", "answer")),
    ]


def test_every_option_has_the_place_that_it_comes_from(loaded: Loaded) -> None:
    told = explain(loaded, "POST", CHAT, "acme", [])
    assert option(told, "ask", "max_length") == (100, "acme.yaml:6:33 (tenant acme)")
    assert option(told, "answer", "pii") == ("refuse", "gateway.yaml:20:25 (gateway)")
    assert option(told, "answer", "mode") == ("shadow", "gateway.yaml:22:11 (gateway)")
    assert option(told, "ask", "blocked_terms") == ([], "default")


def test_what_comes_of_a_reference_is_shown_as_the_file_says_it(loaded: Loaded) -> None:
    told = explain(loaded, "GET", "/crm/x", "acme", [])
    assert option(told, "rate_limit", "limit") == ("${env:LIMIT}/min", "gateway.yaml:16:40 (gateway)")
    assert "hush" not in as_text(told)
    assert "${env:SECRET}" in as_text(told)


@pytest.mark.parametrize(
    ("name", "target", "roles", "said"),
    [
        ("rbac", CHAT, ["viewer"], "allows kapa.chat for viewer"),
        ("rbac", "/crm/x", ["viewer"], "refuses route.crm for viewer"),
        ("rbac", "/crm/x", [], "allows route.crm for operator, and refuses it for others"),
        ("rate_limit", CHAT, [], "is not for this route: `when`"),
        ("answer", CHAT, ["operator"], "is not for these roles: `when`"),
        ("answer", CHAT, ["viewer"], "would, in shadow: looks at answer text"),
        ("ask", CHAT, [], "looks at question"),
        ("ask", "/crm/x", [], "skips: this route has nothing that it could look at"),
        ("audit", CHAT, [], "acts"),
    ],
)
def test_each_step_says_what_it_would_do_for_this_caller(
    name: str, target: str, roles: list[str], said: str, loaded: Loaded
) -> None:
    assert step(explain(loaded, "POST" if target == CHAT else "GET", target, "acme", roles), name).acts == said


def test_what_no_step_decides_is_told(loaded: Loaded) -> None:
    told = explain(loaded, "POST", CHAT, "acme", ["viewer"])
    assert "how often" in told.undecided
    assert "answer text: no guard asks for it" in told.undecided
    assert not any(each.startswith("question") for each in told.undecided)
    assert "who asks" not in told.undecided


def test_what_leads_nowhere_says_so(loaded: Loaded) -> None:
    told = explain(loaded, "GET", "/elsewhere", "acme", [])
    assert told.leads_to == "nothing: it is refused"


def test_a_tenant_or_path_that_cannot_be_is_refused(loaded: Loaded) -> None:
    with pytest.raises(LookupError, match='no tenant "acne"; did you mean "acme"'):
        explain(loaded, "GET", CHAT, "acne", [])
    with pytest.raises(LookupError, match='no role "viewr"; did you mean "viewer"'):
        explain(loaded, "GET", CHAT, "acme", ["viewr"])
    with pytest.raises(Problem):
        explain(loaded, "GET", "/a//b", "acme", [])


def test_an_opaque_path_is_told_to_be_one(tmp_path: Path) -> None:
    route = '  - {name: files, match: "GET /files/{rest:*}", upstream: crm, path: opaque, on_uninspectable: pass}'
    (tmp_path / "gateway.yaml").write_text(f"{GATEWAY}{route}\n")
    (tmp_path / "acme.yaml").write_text(TENANT)
    found, _ = load_with_placeholders(lambda resolve: offline([tmp_path], resolve), References({"LIMIT": "60"}))
    told = explain(found, "GET", "/files/a//b;c", "acme", [])
    assert (told.opaque, told.path) == (True, "/files/a//b;c")
    assert "opaque: " in as_text(told)
    assert "opaque: " not in as_text(explain(found, "GET", "/crm/x", "acme", []))
