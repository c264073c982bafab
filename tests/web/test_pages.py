from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.policy.gateway import Address
from kapagate.web.answers import json_answer
from kapagate.web.doors import open_doors
from tests.web.doors import ANYWHERE, ask

CONSOLE, OTHER = "https://console.example", "https://other.example"
CONFIG, LOAD = "/api/admin/config", "/api/admin/reload"


async def fine(request: web.Request) -> web.Response:
    return json_answer({})


async def refused(request: web.Request) -> web.Response:
    raise Problem(problems.CREDENTIALS_REQUIRED, "who are you?")


@pytest.fixture
async def admin() -> AsyncIterator[Address]:
    routes = [web.get(CONFIG, refused), web.post(LOAD, fine)]
    (door,) = await open_doors(None, ANYWHERE, [web.get("/livez", fine)], routes, guarded=True, origins=[CONSOLE])
    yield door.address
    await door.close()


def cors(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower()[15:]: value for name, value in headers.items() if name.startswith("Access-Control-")}


def preflight(origin: str, method: str, *fields: str) -> dict[str, str]:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    return {**headers, "Access-Control-Request-Headers": ", ".join(fields)} if fields else headers


async def test_a_page_that_is_named_may_ask_with_its_key(admin: Address) -> None:
    asked = preflight(CONSOLE, "POST", "x-api-key", "content-type")
    status, _, headers = await ask(admin, LOAD, "OPTIONS", asked)
    told = cors(headers)
    assert (status, told["allow-origin"], told["allow-methods"], told["max-age"]) == (200, CONSOLE, "POST", "600")
    assert set(told["allow-headers"].lower().split(",")) == {"x-api-key", "content-type"}
    assert "allow-credentials" not in told
    _, _, headers = await ask(admin, LOAD, "POST", {"Origin": CONSOLE})
    assert cors(headers) == {"allow-origin": CONSOLE, "expose-headers": "Retry-After"}


async def test_it_can_read_a_refusal(admin: Address) -> None:
    status, problem, headers = await ask(admin, CONFIG, headers={"Origin": CONSOLE})
    assert (status, problem["detail"], cors(headers)["allow-origin"]) == (401, "who are you?", CONSOLE)


@pytest.mark.parametrize(
    ("path", "asked"),
    [(LOAD, preflight(OTHER, "POST")), (LOAD, preflight(CONSOLE, "DELETE")), (LOAD, preflight("null", "POST"))],
)
async def test_others_may_not(admin: Address, path: str, asked: dict[str, str]) -> None:
    status, problem, headers = await ask(admin, path, "OPTIONS", asked)
    assert (status, cors(headers)) == (403, {})
    assert problem["type"].endswith("/forbidden")
    _, _, headers = await ask(admin, path, "POST", {"Origin": asked["Origin"]})
    assert cors(headers).get("allow-origin") in (None, CONSOLE if asked["Origin"] == CONSOLE else None)


async def test_what_is_not_administration_is_for_no_page(admin: Address) -> None:
    status, _, headers = await ask(admin, "/livez", headers={"Origin": CONSOLE})
    assert (status, cors(headers)) == (200, {})
    assert (await ask(admin, "/livez", "OPTIONS", preflight(CONSOLE, "GET")))[0] == 405


async def test_without_origins_no_preflight_is_answered() -> None:
    (door,) = await open_doors(None, ANYWHERE, [], [web.post(LOAD, fine)], guarded=True)
    status, _, headers = await ask(door.address, LOAD, "OPTIONS", preflight(CONSOLE, "POST"))
    assert (status, cors(headers)) == (405, {})
    await door.close()
