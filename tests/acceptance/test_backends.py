"""What upstreams are told of the caller, and that nobody but the gateway can tell them."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kapagate.identity.key_sets import PUBLIC, KeySet
from kapagate.identity.tokens import Expected, verify
from tests.acceptance.served import BOB, bearer, newest, served
from tests.identity.keys import pem, private, signed

CRM_URL = 'url: "${env:CRM_URL}"'
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
        for _ in range(3):
            assert (await stage.ask("GET", CUSTOMER, headers={**bearer(stage, BOB), **FORGED})).status == 200
            (sent,) = backend.last("authorization")
            tokens.append(sent.removeprefix("Bearer "))
        async with stage.client.get(f"{stage.gateway.probe_url}/.well-known/jwks.json") as answer:
            published: dict[str, Any] = await answer.json()
    keys = KeySet.of_jwks(published, PUBLIC)
    expected = Expected("https://gateway.example", frozenset({"crm"}), frozenset({"EdDSA"}))
    claims = verify(tokens[0], expected, keys, time.time())
    assert len(set(tokens)) < len(tokens), "a token is signed anew for every call"
    assert (claims["tenant"], claims["roles"], claims["exp"] - claims["iat"]) == ("acme", ["operator"], 60)
    assert "bob" not in str(claims)
    assert all("d" not in each for each in published["keys"])


PERSONAL = """user:
        email: {source: "claim:email", personal: true}
        first_name: {source: "claim:given_name", personal: true}
        company_name: tenant_name
      origin_url: referer"""


async def test_kapa_is_told_of_a_person_what_the_policy_means_to_tell(tmp_path: Path) -> None:
    async with served(tmp_path, (HEADERS, PERSONAL)) as stage:
        claims = {"sub": "ada", "org": "acme", "roles": ["viewer"], "exp": time.time() + 600, "sid": "s", "name": "Ada"}
        claims |= {"iss": "https://id.example", "aud": "docs", "email": "ada@acme.example", "given_name": "Ada"}
        token = signed({"alg": "HS256"}, claims, stage.keys.signing)
        said = {"query": "?", "user": {"email": "eve@evil.example", "metadata": {"last_name": "Eve"}}}
        headers = {"Authorization": f"Bearer {token}", "Referer": "https://me@app.example/page?token=1#here"}
        for path in ("/query/v1/projects/default/chat/", "/query/v1/projects/default/retrieval/", "/api/kapa/query"):
            assert (await stage.ask("POST", path, said, headers)).status == 200
            sent = stage.kapa.requests[-1].json
            assert (sent["user"]["email"], len(sent["user"]["unique_client_id"])) == ("ada@acme.example", 32)
            told = {"tenant_id": "acme", "user_role": "viewer", "first_name": "Ada", "company_name": "Acme Ltd"}
            assert sent["user"]["metadata"].items() >= told.items()
            assert "Eve" not in str(sent)
            assert sent.get("metadata") in ({"origin_url": "https://app.example/page"}, None)
        assert stage.kapa.requests[0].json["metadata"] == {"origin_url": "https://app.example/page"}


async def test_the_gateways_own_credential_reaches_the_backend_and_nobody_else(
    tmp_path: Path, backend: Backend
) -> None:
    token, log = "-".join(["crm", "own", "token"]), io.BytesIO()
    change = (CRM_URL, f'{CRM_URL}\n    set_headers: {{Authorization: "Bearer ${{env:CRM_TOKEN}}"}}')
    environment = {"CRM_URL": backend.url, "CRM_TOKEN": token}
    async with served(tmp_path, change, environment=environment, log=log) as stage:
        reply = await stage.ask("GET", CUSTOMER, headers=bearer(stage, BOB))
        assert reply.status == 200
        assert backend.last("authorization") == [f"Bearer {token}"]
        async with stage.client.get(f"{stage.gateway.admin_url}/api/admin/config") as answer:
            shown = await answer.json()
        record = await newest(stage)
    assert shown["upstreams"]["crm"]["set_headers"] == {"authorization": "Bearer ${env:CRM_TOKEN}"}
    assert token.encode() not in log.getvalue() + reply.body + str(reply.headers).encode() + str(record).encode()
    assert token not in str(shown)
