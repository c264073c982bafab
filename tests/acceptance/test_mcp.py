"""Real MCP clients through the gateway: `langchain-mcp-adapters`, before a server of `mcp` and before the stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession
from langchain_mcp_adapters.client import MultiServerMCPClient
from mcp import ClientSession as McpSession
from mcp import McpError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.types import LoggingMessageNotificationParams

from kapagate.run import Gateway
from kapagate.standin import DEFAULT_PROJECTS, StandIn
from kapagate.standin.corpus import PAGES
from kapagate.standin.mcp import DOCUMENTS, SEARCH
from kapagate.standin.specimens import SPECIMENS
from tests.acceptance.hosted import Tools, hosted, methods
from tests.upstreams.gateways import KEYS, SECRETS, policy

EMAIL = SPECIMENS["email"]
GROUP = "5f0c9a52-1d3b-4e8f-a7c6-2b4d6e8f0a1c"
GUARDS = """\
  - guard_question: {pii: redact, blocked_terms: [embargo]}
    id: ask
  - guard_answer: {pii: redact}
    id: answer
"""
ACME = f'upstreams: {{mcp: {{api_key: "${{env:KG_ACME_KEY}}", source_groups: ["{GROUP}"]}}}}'


def written(url: str) -> str:
    return policy(f'  mcp: {{type: kapa_mcp, url: "{url}"}}', GUARDS, ACME, "display_name: Globex")


def client(gateway: Gateway, path: str = "/mcp/", who: str = "ann") -> MultiServerMCPClient:
    headers = {"X-Api-Key": KEYS[who].text}
    server: Any = {"transport": "streamable_http", "url": gateway.data_url + path, "headers": headers}
    return MultiServerMCPClient({"docs": server})


@pytest.fixture
def tools() -> Tools:
    return Tools()


@pytest.fixture
async def gateway(tools: Tools, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with tools.serve() as url, hosted(written(url), tmp_path) as gateway:
        yield gateway


async def test_tools_are_listed_and_called_without_personal_data_either_way(gateway: Gateway, tools: Tools) -> None:
    tools.says = f"Ask {EMAIL}."
    (search,) = await client(gateway).get_tools()
    assert (search.name, search.description) == ("search", "Searches the documentation.")
    said = await search.ainvoke({"query": f"who is {EMAIL}?"})
    assert tools.asked == ["who is <email>?"]
    assert "Ask <email>." in str(said)
    assert EMAIL not in str(said)
    assert methods(tools.requests) >= {"POST", "DELETE"}
    assert {fields.get("authorization") for _, fields in tools.requests} == {f"Bearer {SECRETS['KG_ACME_KEY']}"}
    assert not [fields for _, fields in tools.requests if "x-api-key" in fields]


@pytest.mark.parametrize("path", ["/mcp", "/t/acme/mcp/"])
async def test_the_path_may_lack_its_slash_and_name_the_tenant(gateway: Gateway, path: str) -> None:
    assert [each.name for each in await client(gateway, path).get_tools()] == ["search"]


async def test_a_refused_call_is_an_error_and_the_session_goes_on(gateway: Gateway, tools: Tools) -> None:
    async with client(gateway).session("docs") as session:
        assert isinstance(session, McpSession)
        with pytest.raises(McpError, match="the question contains a blocked term") as caught:
            await session.call_tool("search", {"query": "the embargo"})
        assert caught.value.error.code == -32602
        assert caught.value.error.data["step"] == "ask"
        result = await session.call_tool("search", {"query": "backups"})
    assert tools.asked == ["backups"]
    assert not result.isError


async def test_the_session_and_the_protocols_version_go_on_under_the_servers_own_id(
    gateway: Gateway, tools: Tools
) -> None:
    async with client(gateway).session("docs") as session:
        await session.list_tools()
    sent = [fields for _, fields in tools.requests if "mcp-session-id" in fields]
    assert len({fields["mcp-session-id"] for fields in sent}) == 1
    assert {fields["mcp-protocol-version"] for fields in sent} == {"2025-11-25"}
    assert "." not in sent[0]["mcp-session-id"]


async def test_a_tenant_without_a_key_there_finds_no_server(gateway: Gateway, tools: Tools) -> None:
    with pytest.raises(BaseExceptionGroup):
        await client(gateway, who="bob").get_tools()
    assert tools.requests == []


@pytest.fixture
async def standin() -> AsyncIterator[StandIn]:
    project = next(iter(DEFAULT_PROJECTS))
    async with StandIn(projects={project: SECRETS["KG_ACME_KEY"]}) as kapa:
        yield kapa


@pytest.fixture
async def before(standin: StandIn, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with hosted(written(f"{standin.url}/mcp"), tmp_path) as gateway:
        yield gateway


async def test_the_two_tools_of_kapas_servers_answer_guarded(before: Gateway, standin: StandIn) -> None:
    tools = {each.name: each for each in await client(before).get_tools()}
    assert set(tools) == {SEARCH, DOCUMENTS}
    found = str(await tools[SEARCH].ainvoke({"query": "How do backups work? [[pii]]"}))
    assert "Backups" in found
    read = str(await tools[DOCUMENTS].ainvoke({"urls": [f"{PAGES[0].url} [[pii]]"]}))
    for text in (found, read):
        assert "<email>" in text
        assert not [each for each in SPECIMENS.values() if each in text]
    calls = [each.json["params"] for each in standin.requests if b"tools/call" in each.body]
    assert [each["_meta"]["source_group_ids_include"] for each in calls] == [[GROUP], [GROUP]]


async def test_what_the_server_says_by_itself_arrives_at_once_until_the_session_ends(
    before: Gateway, standin: StandIn
) -> None:
    first = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}}
    url, key = f"{before.data_url}/mcp/", {"X-Api-Key": KEYS["ann"].text}
    async with ClientSession(headers=key) as http:
        async with http.post(url, json=first, headers={"Accept": "application/json"}) as opened:
            assert (await opened.json())["result"]["protocolVersion"] == "2025-11-25"
            session = {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}
        async with http.get(url, headers={**session, "Accept": "text/event-stream"}) as listening:
            assert (listening.status, listening.headers["X-Accel-Buffering"]) == (200, "no")
            for number in range(3):
                note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": f"{number} {EMAIL}"}}
                standin.mcp.push(next(iter(standin.mcp.sessions)), note)
                told = await listening.content.readuntil(b"\n\n")
                said = orjson.loads(told.partition(b"data: ")[2])
                assert said["params"]["data"] == f"{number} <email>"
            async with http.delete(url, headers=session) as ended:
                assert ended.status == 200
            assert await asyncio.wait_for(listening.content.read(), 10) == b""
        async with http.post(url, json={**first, "method": "ping"}, headers=session) as lost:
            assert (lost.status, (await lost.json())["error"]["message"]) == (404, "Session not found")


async def test_what_the_server_says_beside_its_answer_is_guarded_and_nonsense_ends_the_call(before: Gateway) -> None:
    heard: list[Any] = []

    async def hear(params: LoggingMessageNotificationParams) -> None:
        heard.append(params.data)

    headers = {"X-Api-Key": KEYS["ann"].text}
    async with (
        create_mcp_http_client(headers) as http,
        streamable_http_client(f"{before.data_url}/mcp", http_client=http) as (read, write, _),
        McpSession(read, write, logging_callback=hear) as session,
    ):
        await session.initialize()
        told = await session.call_tool(SEARCH, {"query": "[[unknown-record]] backups"})
        assert "Backups" in str(told.content)
        assert "<email>" in str(heard)
        assert not [each for each in SPECIMENS.values() if each in str(heard)]
        with pytest.raises(McpError):
            await session.call_tool(SEARCH, {"query": "[[unknown-record]] [[garbage-record]] backups"})


async def test_a_stream_that_breaks_off_is_no_answer(before: Gateway) -> None:
    (search, _) = await client(before).get_tools()
    with pytest.raises((BaseExceptionGroup, McpError)):
        await asyncio.wait_for(search.ainvoke({"query": "[[cut=60]] backups"}), 20)
