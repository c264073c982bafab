"""Asking doors on loopback, for the tests of what stands behind them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
from aiohttp import ClientSession, web

from kapagate.policy.gateway import Address
from kapagate.web.doors import Door

ANYWHERE = Address("127.0.0.1", 0)


class StoppedClock:
    """A clock that stands still, so that nothing takes any time."""

    def monotonic(self) -> float:
        return 5.0

    def wall(self) -> float:
        return 0.0


@contextlib.asynccontextmanager
async def opened(routes: Sequence[web.RouteDef], checks_host: bool = False) -> AsyncIterator[Address]:
    door = await Door.open(ANYWHERE, routes, checks_host)
    try:
        yield door.address
    finally:
        await door.close()


async def ask(
    address: Address, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, Any, dict[str, str]]:
    """Status, JSON document (or text) and header fields of the answer."""
    async with (
        ClientSession() as session,
        session.request(method, f"http://{address}{path}", headers=headers) as answer,
    ):
        body = await answer.read()
        json = "json" in answer.content_type
        return answer.status, orjson.loads(body) if json and body else body.decode(), dict(answer.headers)
