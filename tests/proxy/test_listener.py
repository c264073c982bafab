from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kapagate.chain.exchange import Exchange
from kapagate.chain.sink import Head, Sink
from kapagate.proxy.listener import Listener

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Held:
    """An application that answers when it is told to."""

    def __init__(self, stage: Any) -> None:
        self.proceed = asyncio.Event()
        self.application = stage.scripted(self.handle)

    async def handle(self, exchange: Exchange, sink: Sink) -> None:
        await self.proceed.wait()
        await sink.open(Head(200, []), b"done", True)


async def test_takes_a_free_port_and_says_which(stage: Any) -> None:
    listener = await stage.listener(Held(stage).application)
    host, port = listener.address
    assert host == "127.0.0.1"
    assert port > 0


async def test_raises_when_the_address_is_taken(stage: Any) -> None:
    listener = await stage.listener(Held(stage).application)
    other = Listener(Held(stage).application, *listener.address, clock=stage.clock)
    with pytest.raises(OSError, match="in use"):
        await other.start()


async def test_has_no_address_before_it_was_started(stage: Any) -> None:
    listener = Listener(Held(stage).application, "127.0.0.1", 0, clock=stage.clock)
    with pytest.raises(RuntimeError):
        _ = listener.address
    assert listener.active == 0


async def test_stops_accepting_while_it_serves_what_is_open(stage: Any) -> None:
    held = Held(stage)
    held.proceed.set()
    listener = await stage.listener(held.application)
    client = await stage.client(listener)
    await client.send(GET)
    await client.message()
    address = listener.address
    listener.stop_accepting()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)
    await client.send(GET)
    assert (await client.message())[1] == b"done"


async def test_drains_idle_connections_at_once_and_lets_exchanges_finish(stage: Any) -> None:
    held = Held(stage)
    listener = await stage.listener(held.application)
    idle = await stage.client(listener)
    busy = await stage.client(listener)
    await busy.send(GET)
    await held.application.arrived.wait()
    draining = asyncio.ensure_future(listener.drain(10))
    assert await idle.rest() == b""
    assert not draining.done()
    held.proceed.set()
    answer = await busy.rest()
    assert answer.endswith(b"done")
    assert b"Connection: close\r\n" in answer
    await draining
    assert listener.active == 0


async def test_cuts_what_is_not_done_in_time(stage: Any) -> None:
    held = Held(stage)
    listener = await stage.listener(held.application)
    client = await stage.client(listener)
    await client.send(GET)
    await held.application.arrived.wait()
    await listener.drain(0.01)
    assert await client.rest() == b""
    assert held.application.admitted[0].gone
    assert listener.active == 0
    held.proceed.set()


async def test_sweeps_by_itself(stage: Any) -> None:
    listener = Listener(Held(stage).application, "127.0.0.1", 0, clock=stage.clock, granularity=0.001)
    await listener.start()
    client = await stage.client(listener)
    stage.clock.now += 100
    assert await client.rest() == b""
    listener.stop_accepting()
    await listener.drain(1)


async def test_what_was_cut_is_recorded_before_the_drain_ends(stage: Any) -> None:
    recorded: list[str] = []

    async def record(exchange: Exchange, sink: Sink) -> None:
        gone = asyncio.Event()
        exchange.when_gone = gone.set
        await gone.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        recorded.append(exchange.request.path)

    application = stage.scripted(record)
    listener = await stage.listener(application)
    client = await stage.client(listener)
    await client.send(GET)
    await application.arrived.wait()
    await listener.drain(0.0)
    assert recorded == ["/"]
    assert listener.terms.tasks == set()
