"""All of Kapa's API through the gateway with the example policy, over sockets, beside the stand-in's own answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from kapagate.demo.people import GLOBEX_KEY, GLOBEX_PROJECT
from kapagate.demo.stage import Reply, Stage
from kapagate.kapa.operation import Operation
from kapagate.kapa.operations import OPERATIONS
from kapagate.kapa.readings import READINGS
from kapagate.standin.specimens import SPECIMENS
from tests.acceptance.served import ADA, BOB, EVE, bearer, newest, served
from tests.filters.gateway import load

ROOT = ("root", "globex", "admin")
PUBLIC = "https://ask.example"
PAGED = [each for each in READINGS if each.paged]
LISTED = {"threads": "results", "top_question_periods": "periods", "coverage_gap_periods": "periods"}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with served(
        tmp_path, ('data: "127.0.0.1:8080"', f'public_url: "{PUBLIC}"\n  data: "127.0.0.1:8080"')
    ) as stage:
        yield stage


async def direct(stage: Stage, path: str) -> Any:
    """What Kapa itself answers to globex' own key."""
    async with stage.client.get(stage.kapa.url + path, headers={"X-API-KEY": GLOBEX_KEY}) as answer:
        assert answer.status == 200
        return orjson.loads(await answer.read())


async def address(stage: Stage, operation: Operation) -> str:
    """Kapa's own path of something that is there."""
    path = operation.template.replace("{project_id}", GLOBEX_PROJECT)
    if "{thread_id}" in path:
        threads = await direct(stage, f"/query/v1/projects/{GLOBEX_PROJECT}/threads/")
        path = path.replace("{thread_id}", threads["results"][0]["id"])
    if "{period_id}" in path:
        kind = "top-questions" if "top-questions" in path else "coverage-gaps"
        periods = await direct(stage, f"/query/v1/projects/{GLOBEX_PROJECT}/{kind}/periods/")
        path = path.replace("{period_id}", periods["periods"][0]["id"])
    if "{source_id}" in path:
        sources = await direct(stage, f"/ingestion/v1/projects/{GLOBEX_PROJECT}/sources/")
        path = path.replace("{source_id}", sources["results"][0]["id"])
    return path


async def read(stage: Stage, path: str, who: tuple[str, str, str] = ROOT, **headers: str) -> Reply:
    return await stage.ask("GET", path, headers={**bearer(stage, who), **headers})


def shape(value: Any) -> Any:
    """A value without its texts and links, but with its ids and times."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items() if key not in ("next", "previous")}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return "text" if isinstance(value, str) and (" " in value or "@" in value or "<" in value) else value


@pytest.mark.parametrize("operation", READINGS, ids=lambda each: each.name)
async def test_everything_can_be_read_with_its_ids_and_without_personal_data(
    stage: Stage, operation: Operation
) -> None:
    path = await address(stage, operation)
    query = "?page_size=50" if {"page_size"} & operation.fields.keys() else ""
    own, reply = await direct(stage, path + query), await read(stage, path + query)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    assert shape(reply.document) == shape(own)
    assert not [name for name, specimen in SPECIMENS.items() if specimen.encode() in reply.body]
    assert stage.kapa.url.rpartition("/")[2].encode() not in reply.body
    record = await newest(stage)
    assert (record["operation"], record["status"]) == (operation.name, 200)


@pytest.mark.parametrize("name", ["threads", "thread", "top_question_clusters", "coverage_gap_clusters", "end_users"])
async def test_what_people_said_is_redacted_where_it_is_read_again(stage: Stage, name: str) -> None:
    path = await address(stage, OPERATIONS[name]) + "?page_size=50"
    if name == "thread":
        threads = await direct(stage, f"/query/v1/projects/{GLOBEX_PROJECT}/threads/?page_size=50")
        told = next(each for each in threads["results"] if SPECIMENS["card"] in orjson.dumps(each).decode())
        path = f"/query/v1/threads/{told['id']}/"
    assert SPECIMENS["email"] in orjson.dumps(await direct(stage, path)).decode()
    reply = await read(stage, path)
    assert b"<email>" in reply.body
    assert not any(specimen.encode() in reply.body for specimen in SPECIMENS.values())
    assert (await newest(stage))["verdicts"]["answer"]["edits"]["email"] > 0


@pytest.mark.parametrize("operation", READINGS, ids=lambda each: each.name)
async def test_what_is_not_allowed_is_not_asked(stage: Stage, operation: Operation) -> None:
    if operation.name in ("threads", "thread", "project"):
        return
    path = await address(stage, operation)
    stage.kapa.clear()
    assert (await read(stage, path, EVE)).status == 403
    assert stage.kapa.requests == []


@pytest.mark.parametrize("name", ["threads", "sources"])
async def test_head_tells_what_get_would(stage: Stage, name: str) -> None:
    path = await address(stage, OPERATIONS[name])
    told = await stage.ask("HEAD", path, headers=bearer(stage, ROOT))
    assert (told.status, told.body, told.headers["Content-Type"]) == (200, b"", "application/json")
    assert stage.kapa.requests[-1].method == "HEAD"
    assert (await stage.ask("HEAD", path, headers=bearer(stage, ("dan", "globex", "hooks")))).status == 403


async def test_a_body_that_comes_with_a_get_goes_nowhere_and_disturbs_nobody(stage: Stage) -> None:
    path = await address(stage, OPERATIONS["project"])
    for _ in range(2):
        reply = await stage.ask("GET", path, {"project_id": "another"}, bearer(stage, ROOT))
        assert (reply.status, reply.document["id"]) == (200, GLOBEX_PROJECT)
        assert stage.kapa.requests[-1].body == b""


# Lists


@pytest.mark.parametrize("operation", PAGED, ids=lambda each: each.name)
@pytest.mark.parametrize("prefix", ["", "/t/globex"])
async def test_next_is_followed_through_all_pages_without_leaving_the_gateway(
    stage: Stage, operation: Operation, prefix: str
) -> None:
    path = operation.template.replace("{project_id}", "default")
    everything = await direct(stage, path.replace("default", GLOBEX_PROJECT) + "?page_size=500")
    found, link = [], f"{PUBLIC}{prefix}{path}?page_size=1"
    while link:
        assert link.startswith(f"{PUBLIC}{prefix}{path}?")
        reply = await read(stage, link.removeprefix(PUBLIC))
        found += reply.document["results"]
        assert (reply.document["previous"] or "").partition("?")[0] in ("", f"{PUBLIC}{prefix}{path}")
        link = reply.document["next"]
    assert [each["id"] for each in found] == [each["id"] for each in everything["results"]]


@pytest.mark.parametrize(("name", "key"), LISTED.items())
async def test_cursors_lead_through_everything(stage: Stage, name: str, key: str) -> None:
    path = OPERATIONS[name].template.replace("{project_id}", GLOBEX_PROJECT)
    everything = (await direct(stage, f"{path}?page_size=500"))[key]
    found, cursor = [], ""
    while cursor is not None:
        page = (await read(stage, f"{path}?page_size=2&cursor={cursor}")).document
        found += page[key]
        cursor = page["next_cursor"]
    assert [each["id"] for each in found] == [each["id"] for each in everything]


async def test_kapas_own_complaint_about_a_parameter_arrives(stage: Stage) -> None:
    path = OPERATIONS["threads"].template.replace("{project_id}", "default")
    reply = await read(stage, f"{path}?cursor=undefined")
    assert (reply.status, reply.document) == (400, {"cursor": ["Invalid cursor."]})


async def test_a_search_for_a_person_is_guarded_like_a_question(stage: Stage) -> None:
    path = OPERATIONS["end_users"].template.replace("{project_id}", "default")
    stage.kapa.clear()
    assert (await read(stage, f"{path}?search={SPECIMENS['email']}&nobody=knows")).status == 200
    (seen,) = stage.kapa.requests
    assert seen.path.endswith("/end-users/?search=%3Cemail%3E")


async def test_a_tenants_integration_is_what_its_lists_are_narrowed_to(stage: Stage) -> None:
    path = OPERATIONS["threads"].template.replace("{project_id}", "default")
    asked = await stage.ask("POST", "/api/kapa/query", {"query": "How?"}, bearer(stage, ADA))
    threads = await read(stage, path, ("root", "acme", "admin"))
    assert "integration=0d2f4c1a-7b3e-4f5a-9c6d-8e1f2a3b4c5d" in stage.kapa.requests[-1].path
    assert [each["id"] for each in threads.document["results"]] == [asked.document["thread_id"]]


# Where clients are


@pytest.mark.parametrize("host", ["evil.example", "api.kapa.ai"])
async def test_without_a_public_url_no_host_is_told_whatever_the_client_calls(tmp_path: Path, host: str) -> None:
    path = OPERATIONS["sources"].template.replace("{project_id}", "default")
    async with served(tmp_path) as stage:
        reply = await read(stage, f"{path}?page_size=1", **{"X-Forwarded-Host": host, "Forwarded": f"host={host}"})
        assert reply.document["next"] == f"{path}?page_size=1&page=2"


async def test_a_trusted_proxy_says_what_the_gateway_is_called(tmp_path: Path) -> None:
    path = OPERATIONS["sources"].template.replace("{project_id}", "default")
    trusting = ('data: "127.0.0.1:8080"', 'trusted_hops: ["127.0.0.1"]\n  data: "127.0.0.1:8080"')
    said = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "docs.example"}
    async with served(tmp_path, trusting) as stage:
        reply = await read(stage, f"{path}?page_size=1", **said)
        assert reply.document["next"] == f"https://docs.example{path}?page_size=1&page=2"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_foreign_tenant_in_the_path_is_not_found_like_one_that_is_not_there(stage: Stage, method: str) -> None:
    operation = OPERATIONS["sources" if method == "GET" else "chat"]
    path = operation.template.replace("{project_id}", "default")
    stage.kapa.clear()
    body = {"query": "How?"} if method == "POST" else None
    replies = [await stage.ask(method, f"/t/{name}{path}", body, bearer(stage, ROOT)) for name in ("acme", "nobody")]
    told = [{**reply.document, "decision": "", "correlation_id": ""} for reply in replies]
    assert (replies[0].status, told[0]) == (404, told[1])
    assert stage.kapa.requests == []
    assert (await stage.ask(method, f"/t/globex{path}", body, bearer(stage, ROOT))).status == 200


@pytest.mark.parametrize("who", [ROOT, EVE])
async def test_a_key_is_tried_on_a_project_that_is_none_as_kapas_clients_do(
    stage: Stage, who: tuple[str, str, str]
) -> None:
    nil = OPERATIONS["project"].template.replace("{project_id}", "00000000-0000-0000-0000-000000000000")
    assert (await read(stage, nil, who)).status == 404
    assert (await stage.ask("GET", nil, headers={"X-API-Key": "bad"})).status == 401
    assert stage.kapa.requests == []


# Sessions, limits, what is of old


async def test_a_session_belongs_to_the_callers_pseudonym(stage: Stage) -> None:
    path = OPERATIONS["agent_session"].template.replace("{project_id}", "default")
    stage.kapa.clear()
    first = await stage.ask("POST", path, {"external_owner_id": "somebody else"}, bearer(stage, ROOT))
    second = await stage.ask("POST", path, None, bearer(stage, ROOT))
    owners = [seen.json["external_owner_id"] for seen in stage.kapa.requests]
    assert (first.status, second.status, owners[0]) == (200, 200, owners[1])
    assert "root" not in owners[0]
    assert first.document["session_token"].startswith("stand-in-")
    assert (await stage.ask("POST", path, {}, bearer(stage, BOB))).status == 403


@pytest.mark.parametrize(
    ("said", "options", "good"),
    [
        ("on", "", True),
        ("on", "\n    locked: true", False),
        ("unguarded", "\n    locked: true", True),
        ("off", "\n    locked: true", True),
    ],
)
def test_a_locked_guard_and_sessions_past_it_are_refused_at_load(said: str, options: str, good: bool) -> None:
    chain = f"  - guard_answer: {{pii: redact}}\n    id: answer{options}"
    loaded = load(chain, f"window, agent_session: {said}")
    assert (loaded.generation is not None) == good
    assert good or 'step "answer" is locked' in loaded.report()


async def test_kapas_own_limit_arrives_with_its_retry_after(tmp_path: Path) -> None:
    path = OPERATIONS["chat"].template.replace("{project_id}", "default")
    async with served(tmp_path, kapa={"limit": 1}) as stage:
        assert (await stage.ask("POST", path, {"query": "How?"}, bearer(stage, EVE))).status == 200
        reply = await stage.ask("POST", path, {"query": "How?"}, bearer(stage, EVE))
        assert reply.status == 429
        assert 0 < int(reply.headers["Retry-After"]) <= 60
        assert reply.document["detail"].startswith("Request was throttled.")


DEPRECATED = [
    ("POST", "/query/v1/projects/default/chat/custom/", {"query": "How?"}),
    ("POST", "/query/v1/projects/default/chat/custom/stream/", {"query": "How?"}),
    ("POST", "/query/v1/projects/default/search/", {"query": "How?", "num_results": 2}),
    ("GET", "/query/v1/projects/default/analytics/activity/", None),
    ("GET", "/query/v1?query=How%3F", None),
    ("GET", "/query/v1/stream?query=How%3F", None),
]


async def test_what_kapa_has_deprecated_is_there_only_where_it_is_listed(tmp_path: Path) -> None:
    names = ", ".join(each.name for each in OPERATIONS.values() if each.deprecated)
    listing = ("    stream: window ", f"    deprecated: [{names}]\n    stream: window ")
    async with served(tmp_path) as stage:
        for method, path, body in DEPRECATED:
            assert (await stage.ask(method, path, body, bearer(stage, ROOT))).status in (404, 405)
    async with served(tmp_path, listing) as stage:
        for method, path, body in DEPRECATED:
            assert (await stage.ask(method, path, body, bearer(stage, ROOT))).status == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_a_question_in_a_url_of_old_is_guarded_and_answered_as_today(tmp_path: Path, stream: bool) -> None:
    listing = ("    stream: window ", "    deprecated: [legacy_query, legacy_query_stream]\n    stream: window ")
    path = f"/query/v1{'/stream' if stream else ''}?query=I am {SPECIMENS['email']} [[pii]]".replace(" ", "%20")
    async with served(tmp_path, listing) as stage:
        reply = await stage.ask("GET", path, headers=bearer(stage, ADA))
        (seen,) = stage.kapa.requests
        assert seen.json["query"] == "I am <email> [[pii]]"
        assert seen.json["source_group_ids_include"] == ["5f0c9a52-1d3b-4e8f-a7c6-2b4d6e8f0a1c"]
        assert not any(specimen.encode() in reply.body for specimen in SPECIMENS.values())
        assert (len(reply.records()) > 1) if stream else reply.document["answer"]
