"""What policy.md and kapa.md claim, tried: each mistake is told, each field is forced or dropped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kapagate.demo.people import ACME_KEY
from kapagate.demo.scenes import ADA, EVE, bearer
from kapagate.demo.stage import Stage, stage
from kapagate.guards.personal import PersonalData
from kapagate.run import offline
from tests.docs.pages import ROOT, blocks, resolve

CHAT = "/query/v1/projects/default/chat/"
ELSEWHERE = "0d2f4c1a-0000-4000-8000-000000000000"


def smallest() -> dict[str, Any]:
    block = next(block for block in blocks(ROOT / "docs" / "policy.md", "yaml") if block.startswith("apiVersion"))
    found: dict[str, Any] = yaml.safe_load(block)
    return found


def report(folder: Path, text: str) -> str:
    (folder / "policy.yaml").write_text(text)
    return offline([folder], resolve).report()


SCHEMES = {"identify": {"schemes": [{"api_key": {"pepper": "${env:API_KEY_PEPPER}", "keys": []}}]}}
CRM = {"type": "http", "url": "http://127.0.0.1:9000"}
PASSED = {"name": "crm", "match": "GET /crm/{rest:*}", "upstream": "crm", "on_uninspectable": "pass"}
TENANT = {"apiVersion": "kapagate.dev/v1", "kind": "Tenant", "name": "acme"}
ACCOUNT = {"project": "${env:KG_ACME_PROJECT}", "api_key": "${env:KG_ACME_KEY}"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"chian": []}, "chain"),
        ({"listen": {"deadlines": {"head": 10}}}, "duration"),
        ({"listen": {"limits": {"connections": "many"}}}, "whole number"),
        ({"pseudonyms": {"key": "in the clear"}}, "exactly one reference"),
        ({"gate": []}, "identif"),
        ({"gate": [{**SCHEMES, "mode": "shadow"}]}, "shadow"),
        ({"gate": [{**SCHEMES, "on_error": "allow"}]}, "allow"),
        ({"gate": [], "chain": [{"rbac": {}}, SCHEMES]}, 'move "identify" before it'),
        ({"gate": [{"rate_limit": {"per": ["subject"], "limit": "5/s"}}, SCHEMES]}, 'move "identify" before it'),
        ({"chain": [{"audit": {}, "mode": "shadow"}]}, "shadow"),
        ({"chain": [{"audit": {}, "on_error": "allow"}]}, "allow"),
        ({"chain": [{"metrics": {}, "mode": "shadow"}]}, "shadow"),
        ({"chain": [{"rbac": {}}, {"rbac": {}}]}, "rbac"),
        ({"chain": [{"guard_answer": {}, "when": {"route": ["kapa.feedback"]}}]}, "can never act"),
        ({"chain": [{"rbac": {}, "when": {"route": ["kapa.chta"]}}]}, "kapa.chat"),
        ({"chain": [{"enrich": {"add": {"mail": "claim:email"}}}]}, "personal"),
        ({"roles": {"viewer": {"allow": ["kapa.everything"]}}}, "kapa.everything"),
        ({"upstreams": {"kapa": {"type": "kapa", "url": "http://api.kapa.example"}}}, "plain_http"),
        ({"upstreams": {"kapa": {"type": "kapa", "url": "http://169.254.169.254"}}}, "link-local"),
        (
            {"upstreams": {"kapa": {"type": "kapa", "url": "https://k.example", **ACCOUNT}}},
            "source groups",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_mistakes_are_told(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    assert report(tmp_path, yaml.safe_dump(smallest())) == ""
    assert said in report(tmp_path, yaml.safe_dump({**smallest(), **changes}))


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (PASSED, ""),
        ({**PASSED, "on_uninspectable": "refuse"}, ""),
        ({**PASSED, "match": "GET /crm/items", "text": ["items[].title"], "on_uninspectable": None}, ""),
        ({**PASSED, "on_uninspectable": None}, "cannot be enforced"),
        ({**PASSED, "match": "POST /api/kapa/{rest:*}"}, "can match the same request"),
        ({**PASSED, "upstream": "kapa"}, "brings its own routes"),
    ],
    ids=["pass", "refuse", "text", "neither", "ambiguous", "kapa"],
)
def test_routes_say_what_guards_cannot_see(route: dict[str, Any], said: str, tmp_path: Path) -> None:
    policy = smallest()
    policy["upstreams"]["crm"] = CRM
    policy["roles"]["viewer"]["allow"].append("route.crm")
    policy["routes"] = [{name: value for name, value in route.items() if value is not None}]
    found = report(tmp_path, yaml.safe_dump(policy))
    assert said in found if said else found == ""


@pytest.mark.parametrize(
    ("tenant", "said"),
    [
        ({"upstreams": {"kapa": {**ACCOUNT, "url": "https://elsewhere.example"}}}, "url"),
        ({"upstreams": {"kapa": {**ACCOUNT, "stream": "window"}}}, "window"),
        ({"upstreams": {"kapa": {"project": ACCOUNT["project"]}}}, "go together"),
        ({"upstreams": {"kapa": {**ACCOUNT, "api_key": "${env:KAPA_API_KEY}"}}}, "outside the scope"),
        ({"chain": [{"remove": "audit"}]}, "locked"),
        ({"chain": [{"add": {"rbac": {}, "id": "first"}, "before": "audit"}]}, "locked"),
        ({"chain": [{"at": "identify", "set": {}}]}, "identify"),
    ],
    ids=["url", "window", "half", "scope", "remove", "before", "gate"],
)
def test_tenants_stay_within_their_reach(tenant: dict[str, Any], said: str, tmp_path: Path) -> None:
    policy = smallest()
    policy["chain"][0]["locked"] = True
    whole = {**TENANT, "upstreams": {"kapa": ACCOUNT}, **tenant}
    assert said in report(tmp_path, yaml.safe_dump_all([policy, whole]))


def test_tenants_that_share_a_project_are_told_of(tmp_path: Path) -> None:
    assert "threads and answers are kept apart here" in report(tmp_path, yaml.safe_dump_all([smallest(), TENANT]))


@pytest.mark.parametrize(("line", "said"), [("name: !!python/name:os.system x", "tag"), ("<<: {name: x}", "merge")])
def test_yaml_is_plain(line: str, said: str, tmp_path: Path) -> None:
    assert said in report(tmp_path, yaml.safe_dump(smallest()).replace("name: docs-assistant", line)).lower()


@pytest.fixture
async def open_stage() -> AsyncIterator[Stage]:
    async with stage() as scenery:
        yield scenery


async def test_kapa_is_sent_what_the_page_says(open_stage: Stage) -> None:
    body = {
        "query": "How do I install Nimbus?",
        "integration_id": ELSEWHERE,
        "user": {"email": "ada@acme.example"},
        "metadata": {"origin_url": "https://ada@app.example/page?token=1#top", "more": "x"},
        "surprise": "x",
    }
    headers = {**bearer(open_stage, ADA), "Cookie": "a=b", "X-Own": "x", "X-Correlation-ID": "corr-1"}
    reply = await open_stage.ask("POST", CHAT, body, headers)
    seen = open_stage.kapa.requests[-1]
    assert (reply.status, reply.headers["X-Correlation-ID"]) == (200, "corr-1")
    assert seen.headers["X-API-KEY"] == ACME_KEY
    assert seen.headers["X-Correlation-ID"] == "corr-1"
    assert not {"Cookie", "X-Own", "Authorization"} & set(seen.headers)
    assert seen.json["metadata"] == {"origin_url": "https://app.example/page"}
    assert seen.json["integration_id"] != ELSEWHERE
    assert len(seen.json["source_group_ids_include"]) == 1
    assert set(seen.json["user"]) == {"unique_client_id", "metadata"}
    assert "surprise" not in seen.json


@pytest.mark.parametrize(
    ("path", "body", "status", "problem"),
    [
        (f"/{CHAT}", {"query": "x"}, 400, "malformed-path"),
        (CHAT.replace("default", ELSEWHERE), {"query": "x"}, 404, "not-found"),
        ("/query/v1/projects/default/analytics/", {"query": "x"}, 404, "not-found"),
        (CHAT, {"query": "x", "source_group_ids_include": [ELSEWHERE]}, 403, "forbidden"),
        (CHAT, {"query": 7}, 400, "malformed-body"),
        ("/api/kapa/query", {"query": "x [[status=401]]"}, 502, "upstream-credentials"),
    ],
)
async def test_refusals_are_those_of_the_page(
    path: str, body: Any, status: int, problem: str, open_stage: Stage
) -> None:
    reply = await open_stage.ask("POST", path, body, bearer(open_stage, ADA))
    assert (reply.status, reply.document["type"].rpartition("/")[2]) == (status, problem)


async def test_the_feedback_figures_stay_here(open_stage: Stage) -> None:
    asked = await open_stage.ask("POST", "/api/kapa/query", {"query": "x"}, bearer(open_stage, EVE))
    body = {"response_id": asked.document["question_answer_id"], "helpful": True, "satisfaction": 5}
    reply = await open_stage.ask("POST", "/api/kapa/feedback", body, bearer(open_stage, EVE))
    seen = open_stage.kapa.requests[-1].json
    assert reply.status < 300
    assert set(seen) == {"question_answer", "reaction", "user_identifier"}


async def test_an_error_that_is_no_json_becomes_a_problem(open_stage: Stage) -> None:
    reply = await open_stage.ask("POST", CHAT, {"query": "x [[html-502]]"}, bearer(open_stage, ADA))
    assert (reply.status, reply.document["type"].rpartition("/")[2]) == (502, "upstream-failed")
    assert reply.document["detail"] == "Kapa answered with an error that is not shown (status 502)"


@pytest.mark.parametrize(
    "text",
    [
        "jane of example",
        "*@example.com",
        "{name}@example.com",
        "$USER@example.com",
        "git@github.com:org/repo",
        "icon@2x.png",
        "4155552671",
        "4111 1111 1111 1112",
        "DE88 3704 0044 0532 0130 00",
        "127.0.0.1 and ::1 and 0.0.0.0 and 255.255.255.0",
        "version 10.1.2.3",
        "219099999",
        "the password is hunter2",
        "Ada Moreno, 12 Long Lane",
    ],
)
def test_the_guards_do_not_find_what_the_page_says(text: str) -> None:
    assert not PersonalData().scan(text, 0, True)[0]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("jürgen@münchen.example", "email"),
        ("+49 30 1234567", "phone"),
        ("(415) 555-2671", "phone"),
        ("4111111111111111", "card"),
        ("4111 1111 1111 1111", "card"),
        ("DE89370400440532013000", "iban"),
        ("DE89 3704 0044 0532 0130 00", "iban"),
        ("10.1.2.3", "ip"),
        ("2001:db8::1", "ip"),
        ("219-09-9999", "ssn"),
    ],
)
def test_the_guards_find_what_the_page_says(text: str, kind: str) -> None:
    assert [(edit.start, edit.end, edit.kind) for edit in PersonalData().scan(text, 0, True)[0]] == [
        (0, len(text), kind)
    ]
