from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from kapagate.stores.memory_owners import MemoryOwners
from kapagate.stores.memory_replays import MemoryReplays
from kapagate.stores.ring import MemoryLedger
from kapagate.web.health import (
    Asked,
    Check,
    Health,
    key_set_check,
    ledger_check,
    owners_check,
    replays_check,
    system_health,
    upstream_check,
    worst,
)
from tests.web.doors import StoppedClock


@dataclass
class TickingClock:
    """Every look takes 2 ms."""

    now: float = 0.0

    def monotonic(self) -> float:
        self.now += 0.002
        return self.now

    def wall(self) -> float:
        return 0.0


async def well() -> Health:
    return Health("healthy", details={"connections": 3})


async def ill() -> Health:
    raise ConnectionError("at secret.example")


async def silent() -> Health:
    await asyncio.Event().wait()
    return Health("healthy")


async def test_each_dependency_is_told_in_five_members() -> None:
    checks: list[Check] = [Asked("kapa", well)]
    assert await system_health(checks, TickingClock()) == [
        {
            "name": "kapa",
            "status": "healthy",
            "response_time_ms": 2.0,
            "message": "",
            "details": {"connections": 3},
        }
    ]


async def test_a_check_that_fails_is_unhealthy_and_tells_no_internals() -> None:
    (told,) = await system_health([Asked("crm", ill)], StoppedClock())
    assert (told["status"], told["message"]) == ("unhealthy", "the check failed: ConnectionError")


async def test_a_check_that_does_not_answer_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kapagate.web.health.PATIENCE", 0.001)
    told = await system_health([Asked("slow", silent), Asked("kapa", well)], StoppedClock())
    assert [(one["name"], one["status"]) for one in told] == [("slow", "unhealthy"), ("kapa", "healthy")]


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        ([], "healthy"),
        (["healthy", "healthy"], "healthy"),
        (["healthy", "degraded"], "degraded"),
        (["unhealthy", "degraded"], "unhealthy"),
    ],
)
def test_the_whole_is_as_ill_as_its_worst_part(statuses: list[str], whole: str) -> None:
    assert worst([{"status": status} for status in statuses]) == whole


async def test_a_ledger_that_cannot_keep_records_is_unhealthy() -> None:
    ledger = MemoryLedger()
    check = ledger_check(ledger)
    assert (await check.check()).status == "healthy"
    ledger.failure = "audit.db: database or disk is full"
    assert await check.check() == Health("unhealthy", "audit.db: database or disk is full", {"held": 0})


async def test_webhooks_that_cannot_be_remembered_are_told() -> None:
    class Broken(MemoryReplays):
        async def failure(self) -> str:
            return "state.db.replays: file is not a database"

    assert (await replays_check(MemoryReplays(StoppedClock())).check()).status == "healthy"
    told = await replays_check(Broken(StoppedClock())).check()
    assert told == Health("unhealthy", "state.db.replays: file is not a database")


@dataclass
class Hop:
    failures: int = 0
    failure: str = "upstream-unreachable"
    failed_at: float = 100.0


@dataclass
class At:
    """A clock that stands at one moment."""

    now: float

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("failures", "now", "status"),
    [
        (0, 100.0, "healthy"),
        (1, 100.0, "degraded"),
        (2, 129.0, "degraded"),
        (3, 129.0, "unhealthy"),
        (9, 131.0, "degraded"),
    ],
)
async def test_an_upstream_is_as_its_last_requests_went(failures: int, now: float, status: str) -> None:
    check = upstream_check("kapa", Hop(failures), At(now))
    told = await check.check()
    assert (check.name, told.status) == ("upstream.kapa", status)
    assert told.message == ("upstream-unreachable" if failures else "")
    assert told.details == {"failures_in_a_row": failures}


class Keys:
    def __init__(self, age: float | None, failure: str) -> None:
        self.age = age
        self.failure = failure

    def __len__(self) -> int:
        return 2


@pytest.mark.parametrize(
    ("age", "failure", "status", "details"),
    [
        (12.4, "", "healthy", {"keys": 2, "age": 12}),
        (12.4, "status 500", "degraded", {"keys": 2, "age": 12}),
        (None, "status 500", "unhealthy", {}),
    ],
)
async def test_without_keys_no_token_can_be_verified(
    age: float | None, failure: str, status: str, details: dict[str, int]
) -> None:
    check = key_set_check("id.example", Keys(age, failure))
    health = await check.check()
    assert (check.name, health.status, health.message) == ("keys.id.example", status, failure)
    assert health.details == details


async def test_a_store_of_owners_that_fails_is_told() -> None:
    owners = MemoryOwners(StoppedClock())
    assert (await owners_check(owners).check()).status == "healthy"
    owners.failure = "no disk"
    health = await owners_check(owners).check()
    assert (health.status, health.message) == ("unhealthy", "no disk")
