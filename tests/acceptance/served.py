"""The whole gateway in this process, with the example policy, in front of a stand-in Kapa and the small backend."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from shutil import copytree
from typing import Any, BinaryIO

from aiohttp import ClientSession

from kapagate.demo.backend import start_backend
from kapagate.demo.people import Keys
from kapagate.demo.stage import ANY_PORT, POLICY, Stage
from kapagate.remote.references import References
from kapagate.run import Addresses, open_gateway
from kapagate.standin import StandIn
from kapagate.telemetry.verbosity import Verbosity

UNLIMITED = {"DOOR_LIMIT_PER_MINUTE": "100000", "DOOR_BURST": "10000", "RATE_LIMIT_PER_MINUTE": "100000"}
UNLIMITED["RATE_LIMIT_BURST"] = "10000"
ADA, BOB, EVE = ("ada", "acme", "viewer"), ("bob", "acme", "operator"), ("eve", "globex", "viewer")
ANYWHERE = Addresses(ANY_PORT, ANY_PORT, ANY_PORT)

Served = Callable[..., Any]


def changed_policy(folder: Path, *changes: tuple[str, str]) -> Path:
    """A copy of the example policy in which each first text stands once, replaced by the second."""
    copy = folder / "policies"
    copytree(POLICY, copy, dirs_exist_ok=True)
    for old, new in changes:
        holders = [file for file in copy.rglob("*.yaml") if old in file.read_text()]
        assert len(holders) == 1, f"{old!r} stands in {holders}"
        holders[0].write_text(holders[0].read_text().replace(old, new))
    return copy


@asynccontextmanager
async def served(
    folder: Path,
    *changes: tuple[str, str],
    environment: Mapping[str, str] | None = None,
    kapa: Mapping[str, Any] | None = None,
    log: BinaryIO | None = None,
) -> AsyncIterator[Stage]:
    """The stage of the demo, without its limits; `changes` to the policy, `environment` over what it asks for."""
    async with AsyncExitStack() as stack:
        standin = await stack.enter_async_context(StandIn(**(kapa or {})))
        backend, crm_url = await start_backend()
        stack.push_async_callback(backend.cleanup)
        keys = Keys.made(os.urandom)
        asked = {**keys.environment(standin.url, crm_url, f"{folder}/state.db"), **UNLIMITED, **(environment or {})}
        paths: Sequence[Path] = [changed_policy(folder, *changes)] if changes else [POLICY]
        gateway = await stack.enter_async_context(open_gateway(paths, References(asked), ANYWHERE, Verbosity(log)))
        client = await stack.enter_async_context(ClientSession())
        yield Stage(gateway, standin, keys, client)


def bearer(stage: Stage, who: tuple[str, str, str] = ADA) -> dict[str, str]:
    return {"Authorization": f"Bearer {stage.token(*who)}"}


async def newest(stage: Stage) -> dict[str, Any]:
    """The newest audit record, when everything before is written."""
    await stage.gateway.ledger.flush()
    return (await stage.gateway.ledger.query(1))[0]
