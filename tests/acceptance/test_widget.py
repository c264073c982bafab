"""Kapa's React SDK in Node through the gateway, before the stand-in's widget proxy; and the same calls without it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from kapagate.run import Gateway
from kapagate.standin import DEFAULT_PROJECTS, StandIn
from kapagate.standin.specimens import SPECIMENS
from tests.acceptance.hosted import hosted
from tests.upstreams.gateways import KEYS, policy

REACT = Path(__file__).parent / "react"
NODE = shutil.which("node")
SITE = next(iter(DEFAULT_PROJECTS))
ACME = f'upstreams: {{widget: {{integration_id: "{SITE}", source_groups: all}}}}'
GUARDS = """\
  - guard_question: {pii: redact, blocked_terms: [embargo]}
    id: ask
  - guard_answer: {pii: redact}
    id: answer
"""
CHAT = "/proxy/query/v2/chat/stream/"
VISITOR = ("visitor@acme.example", "fingerprint", "device", "Vera", "secret", "user-identifier")


@pytest.fixture
async def standin() -> AsyncIterator[StandIn]:
    async with StandIn() as kapa:
        yield kapa


@pytest.fixture
async def gateway(standin: StandIn, tmp_path: Path) -> AsyncIterator[Gateway]:
    upstream = f'  widget: {{type: kapa_widget, url: "{standin.url}"}}'
    text = policy(upstream, GUARDS, ACME, "display_name: Globex", header="X-WEBSITE-ID")
    async with hosted(text, tmp_path) as gateway:
        yield gateway


async def sdk(gateway: Gateway, query: str) -> Any:
    """What the SDK makes of a visit."""
    if NODE is None:
        pytest.skip("node is not here")
    if not (REACT / "node_modules" / "@kapaai").is_dir():
        pytest.skip("the SDK is not here: npm ci --ignore-scripts --prefix tests/acceptance/react")
    command = (NODE, str(REACT / "ask.mjs"), gateway.data_url, KEYS["ann"].text, query)
    node = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(node.communicate(), 60)
    assert node.returncode == 0
    return orjson.loads(said)


async def test_the_sdk_notices_no_difference_but_what_is_guarded(gateway: Gateway, standin: StandIn) -> None:
    told = await sdk(gateway, f"How do backups work, and who is {SPECIMENS['email']}? [[pii]]")
    first, second = told["first"], told["second"]
    assert "<email>" in first["text"]
    assert not [each for each in SPECIMENS.values() if each in str(told)]
    assert [each["status"] for each in first["activities"]] == ["started", "completed"]
    assert (first["started"], first["errors"], first["uncertain"]) == (first["thread"], [], False)
    assert first["sources"]
    assert (second["thread"], second["errors"]) == (first["thread"], [])
    assert (told["feedback"], told["leaving"], told["handoff"]) == ("done", "done", "Failed to send handoff")
    seen = standin.requests
    assert {each.headers["X-WEBSITE-ID"] for each in seen} == {SITE}
    assert {each.headers["X-RECAPTCHA-ENTERPRISE-TOKEN"] for each in seen} == {"solved-in-a-browser"}
    assert not [each for each in seen for said in VISITOR if said.encode() in each.body]
    assert orjson.loads(seen[2].json["comment"]) == {"issue": "ask <email>", "incorrect": True}


async def test_the_sdk_says_that_a_question_was_refused(gateway: Gateway, standin: StandIn) -> None:
    told = await sdk(gateway, "the embargo")
    assert told["first"]["errors"]
    assert (told["feedback"], standin.requests) == ("Failed to send feedback", [])


async def test_a_stream_arrives_as_it_is_cut_and_guarded(gateway: Gateway, standin: StandIn) -> None:
    headers = {"X-WEBSITE-ID": KEYS["ann"].text, "X-HCAPTCHA-TOKEN": "solved"}
    async with ClientSession(gateway.data_url, headers=headers) as http:
        async with http.post(CHAT, json={"query": "[[pii]] [[cut-pieces=1]] Who?"}) as told:
            assert told.status == 200
            records = [orjson.loads(each)["chunk"] for each in (await told.read()).split("␞".encode()) if each]
        text = "".join(each["content"]["text"] for each in records if each["type"] == "partial_answer")
        assert "<email>" in text
        assert not [each for each in SPECIMENS.values() if each in text]
        assert [records[0]["type"], records[-1]["type"]] == ["stream_start", "identifiers"]
        async with http.post(CHAT, json={"query": "Who?"}, headers={"X-HCAPTCHA-TOKEN": "bad"}) as told:
            assert (told.status, "captcha" in (await told.text()).lower()) == (403, True)
        async with http.post(CHAT, json={"query": "[[error-record]] Who?"}) as told:
            assert b'"error"' in await told.read()
