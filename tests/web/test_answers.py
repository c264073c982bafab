from __future__ import annotations

import pytest
from aiohttp import web

from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.web.answers import json_answer
from tests.web.doors import ask, opened


async def fine(request: web.Request) -> web.Response:
    return json_answer({"fine": True})


async def refuse(request: web.Request) -> web.Response:
    raise Problem(problems.UNAVAILABLE, "not now", retry_after=2)


async def fail(request: web.Request) -> web.Response:
    raise RuntimeError("internals")


ROUTES = [web.get("/fine", fine), web.get("/refuse", refuse), web.get("/fail", fail)]


async def test_documents_are_kept_by_no_cache() -> None:
    async with opened(ROUTES) as address:
        status, document, headers = await ask(address, "/fine")
    assert (status, document) == (200, {"fine": True})
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_a_refusal_is_a_problem() -> None:
    async with opened(ROUTES) as address:
        status, document, headers = await ask(address, "/refuse")
    assert status == 503
    assert document["type"] == "https://kapagate.dev/problems/unavailable"
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [("GET", "/other", 404, "not-found"), ("DELETE", "/fine", 405, "method-not-allowed")],
)
async def test_what_is_not_there_is_a_problem_that_echoes_nothing(
    method: str, path: str, status: int, name: str
) -> None:
    async with opened(ROUTES) as address:
        answer, document, headers = await ask(address, path, method)
    assert answer == status
    assert document["type"].endswith(name)
    assert headers.get("Allow") == ("GET,HEAD" if status == 405 else None)


async def test_a_bug_tells_no_internals(caplog: pytest.LogCaptureFixture) -> None:
    async with opened(ROUTES) as address:
        status, document, _ = await ask(address, "/fail")
    assert status == 500
    assert "internals" not in str(document)
    assert "internals" in caplog.text
