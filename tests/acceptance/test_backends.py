"""What an internal backend is told of the caller, and that nobody else can tell it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kapagate.identity.key_sets import PUBLIC, KeySet
from kapagate.identity.tokens import Expected, verify
from tests.acceptance.served import BOB, bearer, served
from tests.identity.keys import pem, private

CUSTOMER = "/crm/customers/42"
HEADERS = "backends: {headers: {X-Kapagate-Subject: pseudonym, X-Kapagate-Tenant: tenant, X-Kapagate-Roles: roles}}"
TOKEN = 'backends: {token: {key: "${env:KEY}", issuer: "https://gateway.example"}}'
FORGED = {
    "X-Kapagate-Subject": "root",
    "x_kapagate_tenant": "globex",
    "X-KAPAGATE-ROLES": "admin",
    "Connection": "keep-alive, X-Kapagate-Subject",
}


class Backend:
    """Keeps the headers of what it was asked."""

    def __init__(self) -> None:
        self.seen: list[list[tuple[str, str]]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(list(request.headers.items()))
        return web.json_response({"id": "42"})

    def last(self, name: str) -> list[str]:
        return [value for key, value in self.seen[-1] if key.lower().replace("_", "-") == name]


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    backend, app = Backend(), web.Application()
    app.router.add_route("*", "/{path:.*}", backend.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    backend.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield backend
    await runner.cleanup()


async def test_a_backend_learns_who_asks_from_the_gateway_alone(tmp_path: Path, backend: Backend) -> None:
    async with served(tmp_path, environment={"CRM_URL": backend.url}) as stage:
        for headers in ({}, FORGED):
            reply = await stage.ask("GET", CUSTOMER, headers={**bearer(stage, BOB), **headers})
            assert reply.status == 200
            assert [backend.last(f"x-kapagate-{name}") for name in ("tenant", "roles")] == [["acme"], ["operator"]]
            (subject,) = backend.last("x-kapagate-subject")
            assert len(subject) == 32
            assert "bob" not in str(backend.seen[-1])
            assert backend.last("authorization") == []


async def test_a_backend_can_verify_who_asks(tmp_path: Path, backend: Backend) -> None:
    key = pem(private("Ed25519")).decode()
    async with served(tmp_path, (HEADERS, TOKEN), environment={"CRM_URL": backend.url, "KEY": key}) as stage:
        tokens = []
        for _ in range(2):
            assert (await stage.ask("GET", CUSTOMER, headers={**bearer(stage, BOB), **FORGED})).status == 200
            (sent,) = backend.last("authorization")
            tokens.append(sent.removeprefix("Bearer "))
        async with stage.client.get(f"{stage.gateway.probe_url}/.well-known/jwks.json") as answer:
            published: dict[str, Any] = await answer.json()
    keys = KeySet.of_jwks(published, PUBLIC)
    expected = Expected("https://gateway.example", frozenset({"crm"}), frozenset({"EdDSA"}))
    claims = verify(tokens[0], expected, keys, time.time())
    assert tokens[0] == tokens[1]
    assert (claims["tenant"], claims["roles"], claims["exp"] - claims["iat"]) == ("acme", ["operator"], 60)
    assert "bob" not in str(claims)
    assert all("d" not in each for each in published["keys"])
