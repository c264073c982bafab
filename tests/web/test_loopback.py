from __future__ import annotations

import pytest
from aiohttp import web

from kapagate.web.answers import json_answer
from kapagate.web.loopback import is_loopback
from tests.web.doors import ask, opened


async def fine(request: web.Request) -> web.Response:
    return json_answer({})


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_alone_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.0.2.1", "localhost.evil.example", "127.0.0.1.evil.example"])
def test_everything_else_is_not(host: str) -> None:
    assert not is_loopback(host)


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
