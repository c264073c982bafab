from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from kapagate.standin import DEFAULT_PROJECTS, Faults, StandIn
from kapagate.standin.corpus import PAGES
from kapagate.standin.mcp import DOCUMENTS, PATH, SEARCH, answer, encode_event, encode_events
from kapagate.standin.specimens import SPECIMENS

KEY = next(iter(DEFAULT_PROJECTS.values()))
OPENS = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}}
JSON, EVENTS = {"Accept": "application/json"}, {"Accept": "application/json, text/event-stream"}


def call(name: str = SEARCH, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": name, **params}}


def asks(query: str, **params: Any) -> dict[str, Any]:
    return call(arguments={"query": query}, **params)


@pytest.fixture
async def kapa() -> AsyncIterator[StandIn]:
    async with StandIn() as running:
        yield running


@pytest.fixture
async def http(kapa: StandIn) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(kapa.url, headers={"Authorization": f"Bearer {KEY}"}) as session:
        yield session


async def opened(http: aiohttp.ClientSession) -> dict[str, str]:
    async with http.post(PATH, json=OPENS, headers=JSON) as told:
        assert (told.status, (await told.json())["id"]) == (200, 0)
        return {"Mcp-Session-Id": told.headers["Mcp-Session-Id"]}


async def test_without_a_key_of_a_project_nothing_is_told(kapa: StandIn) -> None:
    for fields in ({}, {"Authorization": "Bearer bad"}, {"Authorization": KEY}, {"X-API-Key": KEY}):
        async with aiohttp.ClientSession(kapa.url, headers=fields) as http:
            for method in ("POST", "GET", "DELETE"):
                async with http.request(method, PATH) as told:
                    assert (told.status, (await told.json())["error"]) == (401, "invalid_token")


async def test_a_session_is_opened_used_and_ended(http: aiohttp.ClientSession) -> None:
    session = await opened(http)
    async with http.post(PATH, json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=session) as told:
        assert (told.status, await told.read()) == (202, b"")
    async with http.post(PATH, json={**OPENS, "method": "tools/list"}, headers={**session, **EVENTS}) as told:
        assert told.content_type == "text/event-stream"
        said = orjson.loads((await told.read()).partition(b"data: ")[2])
    assert [each["name"] for each in said["result"]["tools"]] == [SEARCH, DOCUMENTS]
    async with http.delete(PATH, headers=session) as told:
        assert told.status == 200
    async with http.post(PATH, json=asks("q"), headers=session) as told:
        assert told.status == 404


async def test_a_message_without_a_session_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.post(PATH, json=asks("q")) as told:
        assert (told.status, (await told.json())["id"]) == (400, "server-error")
    async with http.post(PATH, data=b"{") as told:
        assert told.status == 400


@pytest.mark.parametrize("document", [5, "initialize", [OPENS, 5]])
async def test_what_is_no_message_is_refused(http: aiohttp.ClientSession, document: object) -> None:
    async with http.post(PATH, json=document, headers=await opened(http)) as told:
        assert (told.status, (await told.json())["error"]["message"]) == (400, "Invalid Request")


async def test_who_listens_hears_what_is_pushed(kapa: StandIn, http: aiohttp.ClientSession) -> None:
    session = await opened(http)
    async with http.get(PATH, headers=session) as told:
        kapa.mcp.push(session["Mcp-Session-Id"], {"a": 1})
        assert await told.content.readuntil(b"\r\n\r\n") == encode_event({"a": 1})
        async with http.delete(PATH, headers=session):
            pass
        assert await asyncio.wait_for(told.content.read(), 10) == b""


async def test_a_batch_is_answered_as_one(http: aiohttp.ClientSession) -> None:
    session = await opened(http)
    ping = {"jsonrpc": "2.0", "id": "p", "method": "ping"}
    async with http.post(PATH, json=[ping, asks("q")], headers={**session, **JSON}) as told:
        assert [each["id"] for each in await told.json()] == ["p", 7]


async def test_faults_are_those_of_the_rest_of_the_stand_in(kapa: StandIn, http: aiohttp.ClientSession) -> None:
    session = await opened(http)
    async with http.post(PATH, json=asks("[[status=503]] q"), headers=session) as told:
        assert told.status == 503
    async with http.post(PATH, json=asks("[[cut=40]] q"), headers={**session, **EVENTS}) as told:
        with pytest.raises(aiohttp.ClientPayloadError):
            await told.read()
    kapa.faults = Faults(retry_after=7)
    async with http.post(PATH, json=asks("q"), headers=session) as told:
        assert (told.status, told.headers["Retry-After"]) == (429, "7")


def test_faults_of_streams_stand_before_the_answer() -> None:
    said, _ = answer(asks("q"), Faults())
    assert list(encode_events([said], Faults())) == [encode_event(said)]
    note, answered = encode_events([said], Faults(unknown_record=True))
    assert SPECIMENS["email"].encode() in note
    assert answered == encode_event(said)
    assert b"".join(encode_events([said], Faults(garbage_record=True, no_closing=True))).startswith(
        b"data: this is not"
    )


def test_search_finds_passages_as_text_and_as_data() -> None:
    said, faults = answer(asks("How do backups work?", _meta={"top_k": 2}), Faults())
    found = said["result"]["structuredContent"]["result"]
    assert [len(found), len(said["result"]["content"]), faults] == [2, 2, Faults()]
    assert said["result"]["content"][0]["text"].startswith(f"Source: {found[0]['source_url']}\n\n")


def test_words_in_a_query_switch_faults_on() -> None:
    said, faults = answer(asks("[[pii]] [[cut-pieces=1]] q"), Faults())
    assert SPECIMENS["email"] in said["result"]["content"][0]["text"]
    assert faults == Faults(pii=True, cut_pieces=1)
    assert answer(asks("[[no-sources]] q"), Faults())[0]["result"]["content"] == []
    assert answer(asks("[[echo]] hello"), Faults())[0]["result"]["content"][0]["text"].endswith("hello")
    assert answer(asks("[[status=1]] q"), Faults())[0]["error"]["code"] == -32602


def test_documents_are_read_by_their_address() -> None:
    page = next(each for each in PAGES if each.url and each.content)
    said, _ = answer(call(DOCUMENTS, arguments={"urls": [page.url, "https://elsewhere.example/"]}), Faults())
    assert [each["source_url"] for each in said["result"]["structuredContent"]["result"]] == [page.url]
    said, _ = answer(call(DOCUMENTS, arguments={"urls": [f"{page.url} [[pii]]"]}), Faults())
    assert SPECIMENS["email"] in str(said)
    assert answer(call(DOCUMENTS, arguments={"urls": ["[[size=0]]"]}), Faults())[0]["error"]["code"] == -32602


@pytest.mark.parametrize(("message", "code"), [(call("other"), -32602), ({**OPENS, "method": "x"}, -32601)])
def test_what_it_does_not_know_is_an_error(message: dict[str, Any], code: int) -> None:
    assert answer(message, Faults())[0]["error"]["code"] == code


@pytest.mark.parametrize("params", [[1], "x", {"name": SEARCH, "arguments": [], "_meta": {"top_k": "x"}}])
def test_parameters_of_another_shape_are_none(params: object) -> None:
    said, faults = answer({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}, Faults())
    assert (said["id"], faults) == (7, Faults())
    assert ("result" in said) == isinstance(params, dict)
