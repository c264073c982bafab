from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from kapagate.chain.hop import Endpoint
from kapagate.chain.problem import Problem
from kapagate.proxy.dial import dial


async def silent(peer: Any) -> None:
    await peer.rest()


class Connected(asyncio.Protocol):
    transport: asyncio.BaseTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_connects_to_literals_and_names(stage: Any, host: str) -> None:
    backend = await stage.backend(silent)
    protocol = await dial(Connected, replace(backend.endpoint, host=host), None)
    protocol.transport.close()
    async with asyncio.timeout(10):
        await backend.lost.wait()


async def test_a_refused_connection_is_an_unreachable_upstream(stage: Any) -> None:
    backend = await stage.backend(silent)
    endpoint = backend.endpoint
    backend.server.close()
    with pytest.raises(Problem, match="upstream-unreachable") as refused:
        await dial(Connected, endpoint, None)
    assert isinstance(refused.value.__cause__, OSError)


@pytest.mark.parametrize("host", ["169.254.169.254", "fe80::1"])
async def test_metadata_addresses_are_never_connected_to(host: str) -> None:
    with pytest.raises(Problem, match="upstream-unreachable") as refused:
        await dial(Connected, Endpoint("a", host, 80), None)
    assert "may have" in str(refused.value.__cause__)


async def test_a_name_that_resolves_to_a_metadata_address_is_not_connected_to(monkeypatch: Any) -> None:
    async def resolve(*arguments: Any, **options: Any) -> Any:
        return [(2, 1, 6, "", ("169.254.169.254", 80))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(Problem, match="upstream-unreachable") as refused:
        await dial(Connected, Endpoint("a", "upstream.example", 80), None)
    assert "may have" in str(refused.value.__cause__)


async def test_connecting_has_an_end(monkeypatch: Any) -> None:
    async def resolve(*arguments: Any, **options: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(Problem, match="upstream-unreachable") as refused:
        await dial(Connected, Endpoint("a", "upstream.example", 80, connect_timeout=0.01), None)
    assert isinstance(refused.value.__cause__, TimeoutError)
