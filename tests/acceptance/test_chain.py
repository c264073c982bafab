"""The example policy's promises about one request each: what Kapa is told, what the client gets, what is kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kapagate.demo.people import ACME_KEY, ACME_PROJECT, GLOBEX_KEY, GLOBEX_PROJECT
from kapagate.demo.stage import Reply, Stage
from kapagate.standin.specimens import SPECIMENS
from tests.acceptance.served import ADA, BOB, EVE, bearer, newest, served
from tests.authority import Authority
from tests.records import of_exchanges

CHAT = "/query/v1/projects/default/chat/"
QUERY = "/api/kapa/query"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with served(tmp_path) as stage:
        yield stage


async def ask(stage: Stage, path: str = CHAT, who: tuple[str, str, str] = ADA, **body: Any) -> Reply:
    return await stage.ask("POST", path, {"query": "hi", **body}, bearer(stage, who))


async def test_each_tenant_asks_with_its_own_project_key_and_groups(stage: Stage) -> None:
    for who, project, key in ((ADA, ACME_PROJECT, ACME_KEY), (EVE, GLOBEX_PROJECT, GLOBEX_KEY)):
        assert (await ask(stage, who=who)).status == 200
        seen = stage.kapa.requests[-1]
        assert seen.path == f"/query/v1/projects/{project}/chat/"
        assert seen.headers["X-API-KEY"] == key
        assert "Authorization" not in seen.headers
        assert ("source_group_ids_include" in seen.json) is (who is ADA)


async def test_kapa_sees_an_allow_list_of_headers(stage: Stage) -> None:
    more = {"Cookie": "a=b", "X-Forwarded-For": "192.0.2.9", "X-Kapagate-Tenant-Id": "globex", "User-Agent": "me/1"}
    await stage.ask("POST", CHAT, {"query": "hi"}, {**bearer(stage), **more, "Accept-Language": "de"})
    names = {name.lower() for name in stage.kapa.requests[-1].headers}
    allowed = "accept accept-encoding content-type x-api-key x-correlation-id user-agent host content-length via"
    assert names <= set(allowed.split())
    assert "me/1" not in str(stage.kapa.requests[-1].headers)


async def test_a_person_is_always_the_same_pseudonym_and_never_a_name(stage: Stage) -> None:
    user = {"email": "ada@acme.example", "unique_client_id": "ada-1", "metadata": {"phone": "1"}}
    await ask(stage, user=user)
    await ask(stage, QUERY)
    await ask(stage, who=BOB)
    ada, again, bob = (seen.json["user"] for seen in stage.kapa.requests)
    assert ada["unique_client_id"] == again["unique_client_id"] != bob["unique_client_id"]
    assert ada.keys() == {"unique_client_id", "metadata"}
    assert ada["metadata"].keys() == {"tenant_id", "user_role", "session_id", "integration"}
    assert bob["metadata"]["user_role"] == "operator"


async def test_fields_that_kapa_does_not_take_from_clients_do_not_arrive(stage: Stage) -> None:
    await ask(stage, CHAT, integration_id=GLOBEX_PROJECT, user_identifier="ada", unknown={"a": 1}, stream=True)
    sent = stage.kapa.requests[-1].json
    assert sent.keys() == {"query", "source_group_ids_include", "integration_id", "user"}
    assert sent["integration_id"] != GLOBEX_PROJECT


async def test_a_thread_goes_on_with_the_tenants_own_key(stage: Stage) -> None:
    first = (await ask(stage, QUERY)).document
    reply = await ask(stage, QUERY, thread_id=first["thread_id"], integration_id="web-widget")
    assert reply.document["thread_id"] == first["thread_id"]
    assert stage.kapa.requests[-1].path == f"/query/v1/threads/{first['thread_id']}/chat/"
    foreign = await ask(stage, QUERY, EVE, thread_id=first["thread_id"])
    assert foreign.status == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/query/v1/feedback/upsert/", {"question_answer": "ID", "reaction": "downvote", "user_identifier": "ada"}),
        ("/api/kapa/feedback", {"question_answer_id": "ID", "reaction": "downvote"}),
        ("/api/kapa/feedback", {"response_id": "ID", "helpful": False, "satisfaction": 2, "follow_up_count": 1}),
    ],
)
async def test_feedback_reaches_kapa_under_a_pseudonym(stage: Stage, path: str, body: dict[str, Any]) -> None:
    answer = (await ask(stage)).document["question_answer_id"]
    given = {name: answer if value == "ID" else value for name, value in body.items()}
    given["comment"] = {"issue": f"write to {SPECIMENS['email']}"}
    reply = await stage.ask("POST", path, given, bearer(stage))
    assert (reply.status, reply.document) == (200, {"total_upvotes": 0, "total_downvotes": 1})
    chat, sent = stage.kapa.requests[0].json, stage.kapa.requests[-1].json
    assert sent.keys() == {"question_answer", "reaction", "comment", "user_identifier"}
    assert (sent["question_answer"], sent["reaction"]) == (answer, "downvote")
    assert sent["comment"] == {"issue": "write to <email>"}
    assert sent["user_identifier"] == chat["user"]["unique_client_id"]


async def test_the_record_tells_what_every_step_did_and_the_question_as_kapa_got_it(stage: Stage) -> None:
    await ask(stage, query=f"I am {SPECIMENS['email']} [[pii]]")
    record = await newest(stage)
    assert record["question"].startswith("I am <email> ")
    assert (record["operation"], record["endpoint"]) == ("chat", "/query/v1/projects/{project_id}/chat/")
    verdicts = record["verdicts"]
    assert verdicts["ask"] == {"outcome": "changed", "counts": {"email": 1}}
    assert verdicts["answer"]["answer"] == "enforced"
    assert verdicts["answer"]["edits"]["email"] == 1
    assert verdicts.keys() >= {"door", "identify", "audit", "rbac", "rate_limit", "enrich"}
    assert "answer" in record
    assert not [specimen for specimen in SPECIMENS.values() if specimen in str(record)]


async def test_a_tenants_shadow_changes_nothing_and_counts(stage: Stage) -> None:
    reply = await ask(stage, who=EVE, query="[[pii]]")
    assert reply.status == 200
    verdict = (await newest(stage))["verdicts"]["strict-answer"]
    assert (verdict["answer"], verdict["would_refuse"]["email"]) == ("shadow", 1)
    counted = 'kapagate_shadow_total{outcome="would_refuse",step="strict-answer"}'
    assert f"{counted} {len(SPECIMENS)}.0" in await stage.metrics()


async def test_feedback_has_no_answer_to_guard_and_the_record_says_so(stage: Stage) -> None:
    answer = (await ask(stage)).document["question_answer_id"]
    await stage.ask("POST", "/api/kapa/feedback", {"response_id": answer, "helpful": True}, bearer(stage))
    assert (await newest(stage))["verdicts"]["answer"] == {"outcome": "skipped", "reason": "nothing_to_guard"}


async def test_a_caller_is_told_what_is_left(tmp_path: Path) -> None:
    async with served(tmp_path, environment={"RATE_LIMIT_PER_MINUTE": "30", "RATE_LIMIT_BURST": "5"}) as stage:
        reply = await ask(stage)
        told, policies = (",".join(reply.headers.getall(name)) for name in ("RateLimit", "RateLimit-Policy"))
        assert '"rate_limit";r=4;t=' in told
        assert '"rate_limit";q=30;w=60' in policies
        for _ in range(4):
            await ask(stage)
        assert (await ask(stage)).status == 429
        assert (await ask(stage, who=BOB)).status == 200


async def test_queries_are_counted_by_how_they_ended(stage: Stage) -> None:
    for query in ("hi", "[[uncertain]]", "long " * 1000, "[[status=500]]", "[[status=401]]"):
        await ask(stage, query=query)
    text = await stage.metrics()
    for status, number in (("answered", 1), ("uncertain", 1), ("refused", 1), ("failed", 2)):
        assert f'kapa_queries_total{{status="{status}",tenant_id="acme"}} {number}.0' in text


async def test_a_backend_sees_who_asks_in_headers_that_clients_cannot_say(stage: Stage) -> None:
    said = {**bearer(stage, BOB), "X-Kapagate-User-Role": "admin", "X_Kapagate_User_Role": "admin"}
    reply = await stage.ask("GET", "/crm/customers/42", headers=said)
    assert reply.document["asked_as"] == "operator"


async def test_a_refused_method_names_those_that_are_allowed(stage: Stage) -> None:
    reply = await stage.ask("GET", CHAT, headers=bearer(stage))
    assert (reply.status, reply.headers["Allow"]) == (405, "POST")


async def test_many_callers_at_once_are_all_answered_and_recorded(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    paths = [CHAT, QUERY, "/query/v1/projects/default/chat/stream/", "/query/v1/projects/default/retrieval/"]
    with caplog.at_level(logging.WARNING):
        asking = (ask(stage, paths[n % 4], (f"user-{n % 7}", "acme", "viewer")) for n in range(200))
        replies = await asyncio.gather(*asking)
        await stage.gateway.ledger.flush()
    assert {reply.status for reply in replies} == {200}
    records = of_exchanges(await stage.gateway.ledger.query(1000))
    assert {record["correlation_id"] for record in records} == {reply.headers["X-Correlation-ID"] for reply in replies}
    assert caplog.records == []


KEYS = """            keys:                     # as `kapagate keys create` prints them; a file may stand here instead
              - id: "${env:REPORTER_KEY_ID}"
                digest: "${env:REPORTER_KEY_DIGEST}"
                tenant: acme
                subject: nightly-report
                roles: [viewer]
"""


async def test_the_keys_may_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    entry = (
        '- {id: "${env:REPORTER_KEY_ID}", digest: "${env:REPORTER_KEY_DIGEST}", '
        "tenant: globex, subject: importer, roles: [viewer]}\n"
    )
    file = tmp_path / "keys.yaml"
    file.write_text(entry)
    async with served(tmp_path, (KEYS, f'            keys: "${{file:{file}}}"\n')) as stage:
        reply = await stage.ask("POST", CHAT, {"query": "hi"}, {"X-Api-Key": stage.keys.reporter.text})
        assert reply.status == 200
        assert stage.kapa.requests[-1].headers["X-API-KEY"] == GLOBEX_KEY


@pytest.mark.parametrize("believed", [True, False])
async def test_kapa_is_reached_over_tls_when_its_certificate_is_believed(tmp_path: Path, believed: bool) -> None:
    authority = Authority(tmp_path, "ca")
    line = "    connections: 256\n"
    change = (line, f'{line}    ca_file: "{authority.file}"\n' if believed else line)
    async with served(tmp_path, change, kapa={"ssl_context": authority.server("127.0.0.1")}) as stage:
        assert stage.kapa.url.startswith("https://")
        reply = await ask(stage)
        if believed:
            assert reply.status == 200
        else:
            assert (reply.status, reply.document["type"].rpartition("/")[2]) == (502, "upstream-unreachable")
            assert stage.kapa.requests == []
