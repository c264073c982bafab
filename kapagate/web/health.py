"""Health: what the gateway depends on, asked all at once, each within a bounded time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct, field

from kapagate.chain.clock import Clock
from kapagate.identity.replays import Replays
from kapagate.kapa.ownership import Owners
from kapagate.ledger.ledger import Ledger

log = logging.getLogger(__name__)

Status = Literal["healthy", "degraded", "unhealthy"]
PATIENCE = 2.0
UNHEALTHY_FROM = 3
"""Failures in a row from which on an upstream counts as down."""
UNHEALTHY_FOR = 30.0
"""Seconds after the last failure for which it does."""


class Health(Struct, frozen=True):
    """How one dependency is. `degraded`: requests are still served as they should be."""

    status: Status
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


class Check(Protocol):
    """One dependency. `check` may raise: then it is unhealthy. Neither message nor details carry secrets."""

    @property
    def name(self) -> str: ...
    async def check(self) -> Health: ...


class Asked(Struct, frozen=True):
    """A `Check` of a name and a function."""

    name: str
    check: Callable[[], Coroutine[Any, Any, Health]]


async def system_health(checks: Sequence[Check], clock: Clock) -> list[dict[str, Any]]:
    """Each dependency as `{name, status, response_time_ms, message, details}`, in the order of the checks."""
    return list(await asyncio.gather(*(_asked(check, clock) for check in checks)))


def worst(dependencies: Sequence[Mapping[str, Any]]) -> Status:
    """The status of the whole."""
    found = {dependency["status"] for dependency in dependencies}
    return "unhealthy" if "unhealthy" in found else "degraded" if "degraded" in found else "healthy"


def ledger_check(ledger: Ledger) -> Asked:
    """Whether records can be kept."""

    async def check() -> Health:
        details = {"held": ledger.held}
        return Health("unhealthy", ledger.failure, details) if ledger.failure else Health("healthy", "", details)

    return Asked("ledger", check)


def owners_check(owners: Owners) -> Asked:
    """Whether it can be stored whose a thread or answer is."""

    async def check() -> Health:
        return Health("unhealthy", owners.failure) if owners.failure else Health("healthy", "")

    return Asked("owners", check)


def replays_check(replays: Replays) -> Asked:
    """Whether webhooks can be remembered; where they cannot, none is delivered."""

    async def check() -> Health:
        failure = await replays.failure()
        return Health("unhealthy" if failure else "healthy", failure)

    return Asked("replays", check)


class Watched(Protocol):
    """An upstream as its traffic shows it: `failures` in a row, why the last one, and when (monotonic seconds)."""

    failures: int
    failure: str
    failed_at: float


def upstream_check(name: str, hop: Watched, clock: Clock) -> Asked:
    """What the last requests to an upstream came to. It is asked nothing: a probe would spend its quota.

    It counts as down after failures in a row, but not for longer than it was last seen failing: who takes traffic away
    from a gateway that is not ready would otherwise never learn that the upstream is back.
    """

    async def check() -> Health:
        details = {"failures_in_a_row": hop.failures}
        if not hop.failures:
            return Health("healthy", "", details)
        down = hop.failures >= UNHEALTHY_FROM and clock.monotonic() - hop.failed_at < UNHEALTHY_FOR
        return Health("unhealthy" if down else "degraded", hop.failure, details)

    return Asked(f"upstream.{name}", check)


class Cached(Protocol):
    """A key set: seconds since it was fetched (None: there is none), why the last fetch failed, how many keys."""

    @property
    def age(self) -> float | None: ...

    failure: str

    def __len__(self) -> int: ...


def key_set_check(host: str, keys: Cached) -> Asked:
    """Whether tokens can be verified: with keys at hand they are, also when their provider cannot be asked."""

    async def check() -> Health:
        age = keys.age
        if age is None:
            return Health("unhealthy", keys.failure)
        return Health("degraded" if keys.failure else "healthy", keys.failure, {"keys": len(keys), "age": round(age)})

    return Asked(f"keys.{host}", check)


async def _asked(check: Check, clock: Clock) -> dict[str, Any]:
    asked = clock.monotonic()
    try:
        async with asyncio.timeout(PATIENCE):
            health = await check.check()
    except TimeoutError:
        health = Health("unhealthy", f"no answer within {PATIENCE:g} s")
    except Exception as cause:
        log.warning("the check of %s failed", check.name, exc_info=cause)
        health = Health("unhealthy", f"the check failed: {type(cause).__name__}")
    return {
        "name": check.name,
        "status": health.status,
        "response_time_ms": round((clock.monotonic() - asked) * 1000, 3),
        "message": health.message,
        "details": dict(health.details),
    }
