from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from kapagate.access.endpoints import ENDPOINTS
from kapagate.access.roles import RoleDeclaration, Roles
from kapagate.chain.secret import Secret
from kapagate.identity.api_keys import Key, create, digest
from kapagate.ledger.journal import Journal
from kapagate.stores.ring import MemoryLedger
from kapagate.web.admin import admin_routes
from kapagate.web.credentials import Credentials
from tests.web.doors import StoppedClock, ask, opened

PEPPER = "pepper-" * 5
ROLES = Roles({"admin": RoleDeclaration(allow=("*",)), "viewer": RoleDeclaration(allow=("kapa.chat",))})
CONFIG = ENDPOINTS["config"].path
LEDGER = MemoryLedger()
JOURNAL = Journal(LEDGER, StoppedClock(), lambda: "0" * 32)


@dataclass(frozen=True)
class Entry:
    """A key as a policy declares it."""

    id: str
    digest: str
    roles: tuple[str, ...] = ("admin",)
    expires: datetime | None = None
    disabled: bool = False


def key(name: str) -> Key:
    return create("live", random.Random(name).randbytes)


def entry(name: str, **more: Any) -> Entry:
    made = key(name)
    return Entry(made.id, digest(PEPPER.encode(), made), **more)


async def told(query: str) -> Any:
    return {"told": True}


async def status(headers: dict[str, str], *entries: Entry) -> int:
    access = Credentials("X-Api-Key", Secret(PEPPER), entries or [entry("ann")], ROLES, StoppedClock()).access()
    async with opened(admin_routes(dict.fromkeys(ENDPOINTS, told), access, JOURNAL, StoppedClock())) as address:
        found, _, sent = await ask(address, CONFIG, headers=headers)
    assert ("WWW-Authenticate" in sent) == (found == 401)
    return found


@pytest.mark.parametrize("headers", [{"X-Api-Key": key("ann").text}, {"Authorization": f"Bearer {key('ann').text}"}])
async def test_a_key_is_believed_in_its_header_or_as_bearer(headers: dict[str, str]) -> None:
    assert await status(headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Api-Key": ""},
        {"X-Api-Key": "nonsense"},
        {"X-Api-Key": key("eve").text},
        {"X-Api-Key": key("ann").text[:-1] + "0"},
        {"Authorization": f"Basic {key('ann').text}"},
        {"X-Api-Key": key("ann").text, "Authorization": f"Bearer {key('ann').text}"},
    ],
)
async def test_everything_else_is_nobody(headers: dict[str, str]) -> None:
    assert await status(headers) == 401


async def test_a_key_with_the_id_of_another_is_nobody() -> None:
    stolen = Entry(key("eve").id, entry("ann").digest)
    assert await status({"X-Api-Key": key("eve").text}, stolen) == 401


@pytest.mark.parametrize("more", [{"disabled": True}, {"expires": datetime(1970, 1, 1, tzinfo=UTC)}])
async def test_a_key_that_is_disabled_or_expired_is_nobody(more: dict[str, Any]) -> None:
    assert await status({"X-Api-Key": key("ann").text}, entry("ann", **more)) == 401


async def test_a_key_lapses_on_its_second() -> None:
    lapses = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert await status({"X-Api-Key": key("ann").text}, entry("ann", expires=lapses)) == 200


@pytest.mark.parametrize("roles", [("viewer",), ("admins",), ()])
async def test_a_role_without_the_permission_is_refused(roles: tuple[str, ...]) -> None:
    assert await status({"X-Api-Key": key("ann").text}, entry("ann", roles=roles)) == 403


async def test_the_record_of_a_call_names_the_key_that_was_used() -> None:
    assert await status({"X-Api-Key": key("ann").text}) == 200
    (record,) = await LEDGER.query(1)
    assert (record["key"], record["roles"]) == (key("ann").id, ["admin"])
    assert key("ann").text not in str(record)
