from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from kapagate.access.hosts import Hosts
from kapagate.chain.exchange import Exchange
from kapagate.chain.sink import Head, Sink
from kapagate.proxy.listener import Listener
from kapagate.proxy.unix import UnixSocket

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


async def test_a_connection_that_is_made_while_it_drains_ends_at_once(stage: Any) -> None:
    held = Held(stage)
    listener = await stage.listener(held.application)
    busy = await stage.client(listener)
    await busy.send(GET)
    await held.application.arrived.wait()
    draining = asyncio.ensure_future(listener.drain(10))
    await stage.until(lambda: listener.terms.draining)
    late = await stage.client(listener)
    assert await late.rest() == b""
    held.proceed.set()
    await busy.rest()
    await draining


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


async def test_serves_on_a_unix_socket_whose_peers_have_no_address(stage: Any, tmp_path: Path) -> None:
    held, path = Held(stage), tmp_path / "data.sock"
    held.proceed.set()
    listener = await stage.listener(held.application, at=UnixSocket(path))
    client = stage.peer(*await asyncio.open_unix_connection(path))
    for _ in range(2):
        await client.send(GET)
        assert (await client.message())[1] == b"done"
    assert [exchange.request.client for exchange in held.application.admitted] == ["", ""]
    assert listener.active == 1


async def test_a_unix_socket_is_gone_when_nothing_is_accepted_any_more(stage: Any, tmp_path: Path) -> None:
    held, path = Held(stage), tmp_path / "data.sock"
    held.proceed.set()
    listener = await stage.listener(held.application, at=UnixSocket(path))
    client = stage.peer(*await asyncio.open_unix_connection(path))
    await client.send(GET)
    await client.message()
    listener.stop_accepting()
    assert not exists(path)
    await client.send(GET)
    assert (await client.message())[1] == b"done"
    await listener.drain(0.01)
    assert await client.rest() == b""


def exists(path: Path) -> bool:
    return path.exists()


async def test_on_a_unix_socket_an_answer_that_breaks_off_cannot_look_whole(stage: Any, tmp_path: Path) -> None:
    """There is no reset on a unix socket, and HTTP/1.0 ends an answer of unknown length by a clean end."""

    async def breaks(exchange: Exchange, sink: Sink) -> None:
        await sink.open(Head(200, []), b"half", False)
        sink.cut()

    application, path = stage.scripted(breaks), tmp_path / "data.sock"
    await stage.listener(application, at=UnixSocket(path))
    old, new = [stage.peer(*await asyncio.open_unix_connection(path)) for _ in range(2)]
    await old.send(b"GET / HTTP/1.0\r\n\r\n")
    assert (await old.rest()).startswith(b"HTTP/1.1 400 ")
    await new.send(GET)
    assert (await new.rest()).endswith(b"4\r\nhalf\r\n")
    assert len(application.admitted) == 1


async def test_a_refusal_arrives_on_a_unix_socket_too(stage: Any, tmp_path: Path) -> None:
    path = tmp_path / "data.sock"
    await stage.listener(Held(stage).application, at=UnixSocket(path))
    client = stage.peer(*await asyncio.open_unix_connection(path))
    await client.send(b"what is this?\r\n\r\n" + b"x" * 100_000)
    assert (await client.message())[0].startswith(b"HTTP/1.1 400 ")


async def test_a_client_that_leaves_a_unix_socket_is_noticed(stage: Any, tmp_path: Path) -> None:
    held, path = Held(stage), tmp_path / "data.sock"
    listener = await stage.listener(held.application, at=UnixSocket(path))
    client = stage.peer(*await asyncio.open_unix_connection(path))
    await client.send(GET)
    await held.application.arrived.wait()
    client.close()
    await stage.until(lambda: held.application.admitted[0].gone)
    held.proceed.set()
    await stage.until(lambda: listener.active == 0)


async def test_a_reader_too_slow_for_a_unix_socket_is_cut(stage: Any, tmp_path: Path) -> None:
    async def floods(exchange: Exchange, sink: Sink) -> None:
        await sink.open(Head(200, []), b"x", False)
        while True:
            await asyncio.sleep(0)
            await sink.write(b"x" * 65_536, False)

    application, path = stage.scripted(floods), tmp_path / "data.sock"
    listener = await stage.listener(application, at=UnixSocket(path))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(GET)
        await stage.until(lambda: any(each.blocked for each in listener.terms.connections))
        stage.clock.now += 61
        listener.sweep()
        await stage.until(lambda: listener.active == 0)


async def test_answers_to_no_names_but_its_own(stage: Any) -> None:
    held = Held(stage)
    held.proceed.set()
    listener = await stage.listener(held.application, hosts=Hosts(["ask.example"]))
    for host, status in (("ask.example", 200), ("localhost:1", 200), ("evil.example", 421)):
        client = await stage.client(listener)
        await client.send(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host.encode())
        assert (await client.message())[0].startswith(b"HTTP/1.1 %d " % status)
    assert len(held.application.admitted) == 2
    assert [problem.kind.name for problem in stage.refused] == ["misdirected"]
