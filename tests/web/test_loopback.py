from __future__ import annotations

import pytest
from aiohttp import web

from kapagate.web.answers import json_answer
from tests.web.doors import ask, opened


async def fine(request: web.Request) -> web.Response:
    return json_answer({})


@pytest.mark.parametrize("host", ["localhost", "localhost:8081", "127.0.0.1:1", "[::1]:8081"])
async def test_a_loopback_door_answers_to_its_own_names(host: str) -> None:
    async with opened([web.get("/", fine)], checks_host=True) as address:
        status, _, _ = await ask(address, "/", headers={"Host": host})
    assert status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8081", "localhost.evil.example", "a@localhost", "[::1", ""]
)
async def test_a_rebound_name_is_refused(host: str) -> None:
    async with opened([web.get("/", fine)], checks_host=True) as address:
        status, document, _ = await ask(address, "/", headers={"Host": host})
    assert status == 403
    assert document["type"].endswith("forbidden")
