from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from kapagate.access.endpoints import ENDPOINTS
from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.web.admin import Access, admin_routes
from tests.web.doors import ask, opened


async def told() -> Any:
    return {"told": True}


DOCUMENTS = dict.fromkeys(ENDPOINTS, told)
PATHS = [endpoint.path for endpoint in ENDPOINTS.values()]


async def authenticate(request: web.Request) -> tuple[str, ...] | None:
    key = request.headers.get("X-Api-Key")
    if key == "expired":
        raise Problem(problems.INVALID_CREDENTIALS, "the key is not valid", challenges=["ApiKey"])
    return (key,) if key else None


def allows(roles: tuple[str, ...], permission: str) -> bool:
    return "admin" in roles or (roles == ("operator",) and permission == "admin.health.read")


ROUTES = admin_routes(DOCUMENTS, Access(authenticate, allows, 'ApiKey realm="kapagate"'))


@pytest.mark.parametrize("path", PATHS)
async def test_without_credentials_nothing_is_told(path: str) -> None:
    async with opened(ROUTES) as address:
        status, document, headers = await ask(address, path)
    assert status == 401
    assert headers["WWW-Authenticate"] == 'ApiKey realm="kapagate"'
    assert document["type"].endswith("credentials-required")


@pytest.mark.parametrize("path", PATHS)
async def test_bad_credentials_are_refused_as_what_they_are(path: str) -> None:
    async with opened(ROUTES) as address:
        status, document, _ = await ask(address, path, headers={"X-Api-Key": "expired"})
    assert (status, document["detail"]) == (401, "the key is not valid")


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("admin", "/api/admin/config", 200),
        ("admin", "/api/system/health", 200),
        ("operator", "/api/admin/config", 403),
        ("operator", "/api/system/health", 200),
        ("viewer", "/api/system/health", 403),
    ],
)
async def test_each_endpoint_asks_for_its_own_permission(role: str, path: str, status: int) -> None:
    async with opened(ROUTES) as address:
        answer, document, _ = await ask(address, path, headers={"X-Api-Key": role})
    assert answer == status
    assert document == {"told": True} or document["type"].endswith("forbidden")


@pytest.mark.parametrize("path", PATHS)
async def test_on_loopback_without_keys_everybody_may_ask(path: str) -> None:
    async with opened(admin_routes(DOCUMENTS, None), checks_host=True) as address:
        assert (await ask(address, path))[:2] == (200, {"told": True})
