from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from kapagate.standin import DEFAULT_PROJECTS, Faults, StandIn
from kapagate.standin.errors import KapaError
from kapagate.standin.server import check_accept
from tests.authority import Authority

(PROJECT, KEY), (_, OTHER_KEY) = DEFAULT_PROJECTS.items()
CHAT = f"/query/v1/projects/{PROJECT}/chat/"
JSON = "application/json"


@pytest.fixture
async def kapa() -> AsyncIterator[StandIn]:
    async with StandIn() as running:
        yield running


async def send(kapa: StandIn, method: str, path: str, **options: Any) -> tuple[int, Any, str]:
    """Status, body and media type; options go to aiohttp."""
    headers = {"X-API-Key": KEY, **options.pop("headers", {})}
    url = URL(kapa.url + path, encoded=True)
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers, allow_redirects=False, **options) as answer,
    ):
        return answer.status, await answer.json(), answer.content_type


async def test_answers_a_chat(kapa: StandIn) -> None:
    status, body, media = await send(kapa, "POST", CHAT, json={"query": "q"})
    assert (status, media) == (200, JSON)
    assert set(body) == {"answer", "thread_id", "question_answer_id", "is_uncertain", "relevant_sources"}


async def test_checks_the_key_before_the_project(kapa: StandIn) -> None:
    unknown = "/query/v1/projects/00000000-0000-0000-0000-000000000000/chat/"
    status, body, _ = await send(kapa, "POST", unknown, json={"query": "q"}, headers={"X-API-Key": "bad"})
    assert (status, list(body)) == (401, ["detail"])
    assert await send(kapa, "POST", unknown, json={"query": "q"}) == (404, {"detail": "Not found."}, JSON)
    assert (await send(kapa, "POST", CHAT, headers={"X-API-Key": OTHER_KEY}, json={"query": "q"}))[0] == 404


async def test_an_accept_header_without_json_is_406_before_the_key(kapa: StandIn) -> None:
    headers = {"Accept": "text/event-stream", "X-API-Key": "bad"}
    status, body, _ = await send(kapa, "POST", CHAT + "stream/", headers=headers, json={"query": "q"})
    assert (status, list(body)) == (406, ["detail"])


@pytest.mark.parametrize("values", [[], [""], ["*/*"], ["text/html", "application/json;q=0.5"], ["Application/JSON"]])
def test_an_accept_header_with_json_is_fine(values: list[str]) -> None:
    check_accept(values)


def test_an_accept_header_without_json_is_not() -> None:
    with pytest.raises(KapaError):
        check_accept(["text/event-stream, text/html"])


@pytest.mark.parametrize(
    "path", [CHAT.rstrip("/"), "/", "/query/v1/other/", CHAT.replace(PROJECT, "a%2Fb"), CHAT.replace("/chat", "//chat")]
)
async def test_any_other_path_is_404_and_never_a_redirect(kapa: StandIn, path: str) -> None:
    assert (await send(kapa, "POST", path, json={"query": "q"}))[:2] == (404, {"detail": "Not found."})


async def test_another_method_is_405(kapa: StandIn) -> None:
    assert (await send(kapa, "GET", CHAT))[:2] == (405, {"detail": 'Method "GET" not allowed.'})


async def test_a_body_that_is_no_json_is_400_and_another_type_415(kapa: StandIn) -> None:
    assert (await send(kapa, "POST", CHAT, data=b"{", headers={"Content-Type": JSON}))[0] == 400
    assert (await send(kapa, "POST", CHAT, data=b"{}", headers={"Content-Type": "text/plain"}))[0] == 415


async def test_a_body_over_eight_megabytes_is_413(kapa: StandIn) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b" " * (1 << 20)

    async with (
        aiohttp.ClientSession(kapa.url, headers={"X-API-Key": KEY}) as session,
        session.post(CHAT, data=body()) as answer,
    ):
        assert answer.status == 413


async def test_records_every_request_whole(kapa: StandIn) -> None:
    await send(kapa, "POST", CHAT + "?a=%2f", json={"query": "q"}, headers={"X-API-Key": "bad", "X-Two": "2"})
    (request,) = kapa.requests
    assert (request.method, request.path, request.json) == ("POST", CHAT + "?a=%2f", {"query": "q"})
    assert request.headers["x-two"] == "2"
    kapa.clear()
    assert kapa.requests == []


async def test_shows_its_health_and_its_requests_without_a_key(kapa: StandIn) -> None:
    await send(kapa, "POST", CHAT, json={"query": "q"})
    status, health, _ = await send(kapa, "GET", "/__standin/health")
    assert (status, health["status"]) == (200, "ok")
    (shown,) = (await send(kapa, "GET", "/__standin/requests"))[1]
    assert (shown["method"], shown["path"], shown["body"]) == ("POST", CHAT, '{"query": "q"}')
    assert KEY not in str(shown)


async def test_remembers_as_many_requests_as_it_should() -> None:
    async with StandIn(keep=1) as kapa:
        for _ in range(2):
            await send(kapa, "POST", CHAT, json={"query": "q"})
        assert len(kapa.requests) == 1


async def test_faults_can_be_set_at_start_and_anew(kapa: StandIn) -> None:
    kapa.faults = Faults(status=503)
    assert (await send(kapa, "POST", CHAT, json={"query": "q"}))[0] == 503
    async with StandIn(faults={"no-sources": True}) as other:
        assert (await send(other, "POST", CHAT, json={"query": "q"}))[1]["relevant_sources"] == []


async def test_has_the_projects_that_it_is_given() -> None:
    async with StandIn(projects={PROJECT: "a"}) as kapa:
        assert (await send(kapa, "POST", CHAT, json={"query": "q"}))[0] == 401
        assert (await send(kapa, "POST", CHAT, json={"query": "q"}, headers={"X-API-Key": "a"}))[0] == 200


async def test_an_address_in_use_is_an_error(kapa: StandIn) -> None:
    port = int(kapa.url.rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"):
        await StandIn(port=port).__aenter__()


async def test_an_answer_that_never_comes_does_not_hold_up_the_end() -> None:
    waiting = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async with StandIn(sleep=sleep) as kapa:
        call = asyncio.create_task(send(kapa, "POST", CHAT, json={"query": "[[latency=1]] q"}))
        await waiting.wait()
    with pytest.raises(aiohttp.ClientConnectionError):
        await call


def test_has_no_url_before_it_runs() -> None:
    with pytest.raises(RuntimeError):
        _ = StandIn().url


async def test_serves_tls_with_the_context_that_it_is_given(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    async with StandIn(ssl_context=authority.server("127.0.0.1")) as kapa:
        assert kapa.url.startswith("https://127.0.0.1:")
        health = f"{kapa.url}/__standin/health"
        async with aiohttp.ClientSession() as session, session.get(health, ssl=authority.client()) as answer:
            assert answer.status == 200
