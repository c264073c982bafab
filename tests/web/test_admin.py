from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from kapagate.access.endpoints import ENDPOINTS
from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.ledger.journal import Journal
from kapagate.stores.ring import MemoryLedger
from kapagate.web.admin import Access, Caller, Guard, admin_routes
from tests.web.doors import StoppedClock, ask, opened


async def told(query: str) -> Any:
    return {"told": True}


DOCUMENTS = dict.fromkeys(ENDPOINTS, told)
PATHS = [(endpoint.method, endpoint.path) for endpoint in ENDPOINTS.values()]


async def authenticate(request: web.Request) -> Caller | None:
    key = request.headers.get("X-Api-Key")
    if key == "expired":
        raise Problem(problems.INVALID_CREDENTIALS, "the key is not valid", challenges=["ApiKey"])
    return Caller(f"key-of-{key}", (key,)) if key else None


def allows(roles: tuple[str, ...], permission: str) -> bool:
    return "admin" in roles or (roles == ("operator",) and permission == "admin.health.read")


ACCESS = Access(authenticate, allows, 'ApiKey realm="kapagate"')
LEDGER = MemoryLedger()
JOURNAL = Journal(LEDGER, StoppedClock(), lambda: "0" * 32)
ROUTES = admin_routes(DOCUMENTS, ACCESS, JOURNAL, StoppedClock())


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_without_credentials_nothing_is_told(method: str, path: str) -> None:
    async with opened(ROUTES) as address:
        status, document, headers = await ask(address, path, method)
    assert status == 401
    assert headers["WWW-Authenticate"] == 'ApiKey realm="kapagate"'
    assert document["type"].endswith("credentials-required")


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_bad_credentials_are_refused_as_what_they_are(method: str, path: str) -> None:
    async with opened(ROUTES) as address:
        status, document, _ = await ask(address, path, method, headers={"X-Api-Key": "expired"})
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


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_on_loopback_without_keys_everybody_may_ask(method: str, path: str) -> None:
    async with opened(admin_routes(DOCUMENTS, None, JOURNAL, StoppedClock()), checks_host=True) as address:
        assert (await ask(address, path, method))[:2] == (200, {"told": True})


@pytest.mark.parametrize(
    ("role", "status", "outcome", "key"),
    [
        ("admin", 200, "answered", "key-of-admin"),
        ("viewer", 403, "refused", "key-of-viewer"),
        ("expired", 401, "refused", None),
        ("", 401, "refused", None),
    ],
)
async def test_every_call_is_recorded_with_the_key_that_was_used(
    role: str, status: int, outcome: str, key: str | None
) -> None:
    async with opened(ROUTES) as address:
        await ask(address, "/api/admin/config?secret=1", headers={"X-Api-Key": role})
    (record,) = await LEDGER.query(1)
    assert (record["operation"], record["status"], record["outcome"]) == ("admin.config", status, outcome)
    assert (record.get("key"), record["method"], record["endpoint"]) == (key, "GET", "/api/admin/config")
    assert record["client"] == "127.0.0.1"
    assert "secret" not in str(record)


async def test_a_call_that_breaks_is_recorded_as_a_failure() -> None:
    async def broken(query: str) -> Any:
        raise RuntimeError("a bug")

    routes = admin_routes(dict.fromkeys(ENDPOINTS, broken), None, JOURNAL, StoppedClock())
    async with opened(routes, checks_host=True) as address:
        assert (await ask(address, PATHS[0][1]))[0] == 500
    assert (await LEDGER.query(1))[0]["outcome"] == "failed"


async def test_keys_and_roles_change_with_the_policy_but_not_whether_any_are_asked_for() -> None:
    def nobody(roles: tuple[str, ...], permission: str) -> bool:
        return False

    guard = Guard(ACCESS)
    guard.become(Access(authenticate, nobody, ""))
    async with opened(admin_routes(DOCUMENTS, guard.access, JOURNAL, StoppedClock())) as address:
        assert (await ask(address, "/api/admin/config", headers={"X-Api-Key": "admin"}))[0] == 403
        guard.become(None)
        assert (await ask(address, "/api/admin/config"))[0] == 401
        guard.become(ACCESS)
        assert (await ask(address, "/api/admin/config", headers={"X-Api-Key": "admin"}))[0] == 200
    open_guard = Guard(None)
    open_guard.become(ACCESS)
    assert open_guard.access is None
