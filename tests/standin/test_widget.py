from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from kapagate.standin import DEFAULT_PROJECTS, StandIn
from kapagate.standin.records import SEPARATOR
from kapagate.standin.widget import LARGEST_FILE

PROJECT, OTHER = DEFAULT_PROJECTS
CHAT = "/proxy/query/v2/chat/stream/"
FIELDS = {"X-WEBSITE-ID": PROJECT, "X-HCAPTCHA-TOKEN": "solved"}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with StandIn() as kapa, aiohttp.ClientSession(kapa.url) as session:
        yield session


async def ask(http: aiohttp.ClientSession, path: str, body: Any, **fields: str) -> tuple[int, bytes]:
    headers = {**FIELDS, **{name.replace("_", "-"): value for name, value in fields.items()}}
    async with http.post(path, json=body, headers=headers) as told:
        return told.status, await told.read()


async def chatted(http: aiohttp.ClientSession, **body: Any) -> list[dict[str, Any]]:
    status, said = await ask(http, CHAT, {"query": "How do backups work?", **body})
    assert status == 200
    return [orjson.loads(each)["chunk"] for each in said.split(SEPARATOR) if each]


async def test_a_stream_begins_with_its_thread_and_ends_with_its_ids(http: aiohttp.ClientSession) -> None:
    records = await chatted(http)
    assert records[0]["type"] == "stream_start"
    assert records[-1]["type"] == "identifiers"
    assert records[-1]["content"]["thread_id"] == records[0]["content"]["thread_id"]
    assert not [each for each in records if each["type"] == "agent_activity_update"]


async def test_deep_thinking_says_what_it_does(http: aiohttp.ClientSession) -> None:
    records = await chatted(http, mode="deep_thinking")
    done = [each["content"]["status"] for each in records if each["type"] == "agent_activity_update"]
    assert done == ["started", "completed"]


async def test_without_a_captcha_or_an_integration_nothing_is_answered(http: aiohttp.ClientSession) -> None:
    status, said = await ask(http, CHAT, {"query": "q"}, X_HCAPTCHA_TOKEN="bad")
    assert (status, b"Captcha" in said) == (403, True)
    assert (await ask(http, CHAT, {"query": "q"}, X_WEBSITE_ID="nobody"))[0] == 404


async def test_a_thread_goes_on_for_its_own_project(http: aiohttp.ClientSession) -> None:
    thread = (await chatted(http))[0]["content"]["thread_id"]
    path = f"/proxy/query/v2/thread/{thread}/chat/stream/"
    assert (await ask(http, path, {"query": "And?"}))[0] == 200
    assert (await ask(http, path, {"query": "And?"}, X_WEBSITE_ID=OTHER))[0] == 404


async def test_feedback_handoff_and_files_are_taken(http: aiohttp.ClientSession) -> None:
    closing = (await chatted(http))[-1]["content"]
    thread, answer = closing["thread_id"], closing["question_answer_id"]
    reaction = {"question_answer": answer, "reaction": "upvote", "user_identifier": "u"}
    assert (await ask(http, "/proxy/query/v2/feedback/upsert/", reaction))[0] == 200
    assert (await ask(http, "/proxy/query/v2/exit-feedback/upsert/", {"question_answer": answer})) == (200, b"{}")
    path = f"/proxy/query/v2/thread/{thread}/handoff/"
    assert (await ask(http, path, {"recipient_email": "desk@nimbus.example"})) == (200, b"{}")
    assert (await ask(http, path, {}))[0] == 400
    status, said = await ask(http, "/proxy/query/v2/files/", {"file_name": "a.txt", "file_size": 3})
    name = orjson.loads(said)["file_id"]
    assert status == 200
    told = await ask(http, "/proxy/query/v2/files/validate/", {"file_id": name})
    assert orjson.loads(told[1]) == {"is_valid": True, "error_type": None}
    told = await ask(http, "/proxy/query/v2/files/validate/", {"file_id": "x"})
    assert orjson.loads(told[1])["is_valid"] is False
    status, said = await ask(http, "/proxy/query/v2/files/", {"file_name": "a", "file_size": LARGEST_FILE + 1})
    assert (status, list(orjson.loads(said))) == (400, ["file_size"])
