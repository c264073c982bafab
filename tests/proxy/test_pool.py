from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from kapagate.chain.hop import Endpoint, Outbound
from kapagate.chain.problem import Problem
from kapagate.proxy.pool import Pool

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def answering(peer: Any) -> None:
    while True:
        await peer.message()
        await peer.send(OK)


async def hop_to(stage: Any, **changes: Any) -> tuple[Any, Any]:
    backend = await stage.backend(answering)
    return stage.hops().open(replace(backend.endpoint, **changes)), backend


async def once(stage: Any, hop: Any, partition: Any = None) -> None:
    inbound = await hop.send(Outbound(b"GET", b"/", [], partition=partition), stage.exchange())
    assert [piece async for piece in inbound.body] == [b"ok"]


async def test_a_connection_is_never_lent_across_partitions(stage: Any) -> None:
    hop, backend = await hop_to(stage)
    await once(stage, hop, "a")
    await once(stage, hop, "b")
    assert backend.connections == 2
    await once(stage, hop, "a")
    await once(stage, hop, "b")
    assert backend.connections == 2


async def test_lends_the_connection_that_was_used_last(stage: Any) -> None:
    hop, _ = await hop_to(stage)
    first = await hop.pool.open(None)
    second = await hop.pool.open(None)
    hop.pool.give_back(first)
    hop.pool.give_back(second)
    assert hop.pool.take(None) is second
    assert hop.pool.take(None) is first
    assert hop.pool.take(None) is None


async def test_too_many_connections_are_a_busy_upstream(stage: Any) -> None:
    async def silent(peer: Any) -> None:
        await peer.rest()

    backend = await stage.backend(silent)
    hop = stage.hops().open(replace(backend.endpoint, connections=1))
    exchange = stage.exchange()
    sending = asyncio.ensure_future(hop.send(Outbound(b"GET", b"/", []), exchange))
    await stage.until(lambda: hop.pool.size)
    with pytest.raises(Problem, match="upstream-busy") as refused:
        await hop.send(Outbound(b"GET", b"/", []), stage.exchange())
    assert refused.value.retry_after == 1
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_an_idle_connection_of_another_partition_makes_room(stage: Any) -> None:
    hop, backend = await hop_to(stage, connections=1)
    await once(stage, hop, "a")
    await once(stage, hop, "b")
    assert backend.connections == 2
    assert hop.pool.size == 1


async def test_idle_connections_end_after_fifteen_seconds(stage: Any) -> None:
    hop, backend = await hop_to(stage)
    await once(stage, hop)
    stage.clock.now += 14
    hop.pool.sweep(stage.clock.now)
    await once(stage, hop)
    assert backend.connections == 1
    stage.clock.now += 16
    hop.pool.sweep(stage.clock.now)
    async with asyncio.timeout(10):
        await backend.lost.wait()
    await once(stage, hop)
    assert backend.connections == 2


async def test_partitions_without_connections_are_forgotten(stage: Any) -> None:
    hop, _ = await hop_to(stage)
    for number in range(10):
        await once(stage, hop, number)
    stage.clock.now += 16
    hop.pool.sweep(stage.clock.now)
    await stage.until(lambda: not (hop.pool.connections))
    hop.pool.sweep(stage.clock.now)
    assert hop.pool._idle == {}


async def test_a_failed_attempt_takes_no_place(stage: Any) -> None:
    backend = await stage.backend(answering)
    endpoint = backend.endpoint
    backend.server.close()
    pool = Pool(replace(endpoint, connections=1), stage.clock)
    for _ in range(3):
        with pytest.raises(Problem, match="upstream-unreachable"):
            await pool.open(None)
    assert pool.size == 0


def test_a_missing_ca_file_is_noticed_when_the_pool_is_made(stage: Any) -> None:
    with pytest.raises(OSError, match="No such file"):
        Pool(Endpoint("a", "a.example", 443, tls=True, ca_file="/nowhere.pem"), stage.clock)
