"""A pass-through application, exchanges without a policy, and peers that speak raw bytes on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import orjson
import pytest
import uvloop

from kapagate.chain.exchange import Exchange, Times
from kapagate.chain.headers import Headers
from kapagate.chain.hop import Endpoint, Outbound
from kapagate.chain.problem import Gone, Problem
from kapagate.chain.request import Body, Request
from kapagate.chain.response import Truncated
from kapagate.chain.sink import Head, Sink
from kapagate.proxy.body import NO_BODY
from kapagate.proxy.bounds import Deadlines, Limits
from kapagate.proxy.hops import PooledHop, PooledHops
from kapagate.proxy.listener import Listener
from kapagate.proxy.unix import UnixSocket

PATIENCE = 10.0


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.second = 1_700_000_000.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.second


def make_exchange(
    method: str = "GET", path: str = "/", headers: Headers | None = None, body: Body = NO_BODY, client: str = ""
) -> Exchange:
    """An exchange as far as sockets are concerned: no policy behind it."""
    known: dict[str, Any] = {
        "request": Request(method, path, "", headers or Headers(), body, client),
        "times": Times(0.0),
        "params": {},
        "correlation_id": "c",
        "decision": "d",
        "received_at": 0.0,
    }
    required = Exchange.__struct_fields__[: -len(Exchange.__struct_defaults__)]
    return Exchange(**{name: known.get(name) for name in required})


Handler = Callable[[Exchange, Sink], Awaitable[None]]


class Scripted:
    """An application whose exchanges a handler answers; keeps what it admitted."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.admitted: list[Exchange] = []
        self.ended: list[BaseException | None] = []
        self.refuse: Problem | None = None
        self.arrived = asyncio.Event()
        self.done = asyncio.Event()

    def admit(
        self, method: str, target: bytes, headers: Headers, body: Body, client: str, secure: bool = False
    ) -> Exchange:
        if self.refuse is not None:
            raise self.refuse
        exchange = make_exchange(method, target.decode("latin-1"), headers, body, client)
        self.admitted.append(exchange)
        return exchange

    def sign(self, problem: Problem, headers: Headers | None) -> None:
        problem.correlation_id = (headers and headers.text(b"x-correlation-id")) or "made"

    async def run(self, exchange: Exchange, sink: Sink) -> None:
        failure: BaseException | None = None
        self.arrived.set()
        try:
            await self.handler(exchange, sink)
        except Problem as problem:
            failure = problem
            await self._refuse(problem, sink)
        except (Gone, Truncated) as cause:
            failure = cause
            sink.cut()
        self.ended.append(failure)
        self.done.set()

    async def _refuse(self, problem: Problem, sink: Sink) -> None:
        try:
            body = orjson.dumps(problem.document("d", "c"))
            await sink.open(Head(problem.kind.status, problem.headers(), len(body)), body, True)
        except Gone:
            sink.cut()


def pass_through(hop: PooledHop, outbound: Callable[[Exchange], Outbound] | None = None) -> Handler:
    """Sends the request on as it came, and the answer back as it comes."""

    async def handle(exchange: Exchange, sink: Sink) -> None:
        sent = outbound(exchange) if outbound else as_it_came(exchange)
        answer = await hop.send(sent, exchange)
        head = Head(answer.status, answer.headers.raw, answer.length)
        opened = False
        held = b""
        try:
            async for piece in answer.body:
                if held:
                    await (sink.write(held, False) if opened else sink.open(head, held, False))
                    opened = True
                held = piece
        finally:
            await answer.body.aclose()
        await (sink.write(held, True) if opened else sink.open(head, held, True))

    return handle


def as_it_came(exchange: Exchange) -> Outbound:
    request = exchange.request
    body = request.body
    return Outbound(
        request.method.encode(),
        request.path.encode("latin-1"),
        list(request.headers.raw),
        b"" if body.length == 0 else body.stream(),
        body.length,
    )


class Peer:
    """One raw connection, either end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until(self, end: bytes) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readuntil(end)

    async def exactly(self, size: int) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(size)

    async def rest(self) -> bytes:
        """All until the other side closes. A reset raises ConnectionResetError."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read(-1)

    async def message(self) -> tuple[bytes, bytes]:
        """A head, and a body with a Content-Length or in chunks (still coded)."""
        head = await self.until(b"\r\n\r\n")
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            return head, await self.until(b"0\r\n\r\n")
        if b"content-length: " in lower:
            return head, await self.exactly(int(lower.split(b"content-length: ")[1].split(b"\r\n")[0]))
        return head, b""

    def close(self) -> None:
        self.writer.close()


class Backend:
    """A raw upstream: `script` gets each connection as a Peer."""

    def __init__(self, script: Callable[[Peer], Awaitable[None]]) -> None:
        self.script = script
        self.connections = 0
        self.lost = asyncio.Event()
        self.server: asyncio.Server

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.script(Peer(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            return  # the test is over
        finally:
            self.lost.set()
            writer.close()

    @property
    def endpoint(self) -> Endpoint:
        host, port = self.server.sockets[0].getsockname()[:2]
        return Endpoint("backend", host, port)


class Stage:
    """Opens listeners, backends, hops and clients for a test, and closes them behind it."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.stack = stack
        self.refused: list[Problem] = []
        self.clock = FakeClock()

    async def until(self, condition: Callable[[], object]) -> None:
        """Waits for what has no event of its own: the state of a connection."""
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - a socket has no event for it
                await asyncio.sleep(0)

    exchange = staticmethod(make_exchange)
    scripted = staticmethod(Scripted)
    pass_through = staticmethod(pass_through)
    as_it_came = staticmethod(as_it_came)

    async def through(
        self, script: Callable[[Peer], Awaitable[None]], **options: Any
    ) -> tuple[Listener, Backend, Scripted]:
        """A listener that passes everything to one backend."""
        backend = await self.backend(script)
        application = Scripted(pass_through(self.hops().open(backend.endpoint)))
        return await self.listener(application, **options), backend, application

    async def backend(self, script: Callable[[Peer], Awaitable[None]], **options: Any) -> Backend:
        backend = Backend(script)
        backend.server = await asyncio.start_server(backend.serve, "127.0.0.1", 0, **options)
        self.stack.callback(backend.server.close)
        return backend

    def hops(self) -> PooledHops:
        hops = PooledHops(self.clock, granularity=3600)
        self.stack.callback(hops.close)
        return hops

    async def listener(
        self,
        application: Any,
        limits: Limits | None = None,
        deadlines: Deadlines | None = None,
        at: str | UnixSocket = "127.0.0.1",
        **options: Any,
    ) -> Listener:
        listener = Listener(
            application,
            at,
            clock=self.clock,
            limits=limits,
            deadlines=deadlines,
            granularity=3600,
            refused=lambda problem, client: self.refused.append(problem),
            **options,
        )
        await listener.start()

        async def close() -> None:
            listener.stop_accepting()
            await listener.drain(0.01)

        self.stack.push_async_callback(close)
        return listener

    async def client(self, listener: Listener) -> Peer:
        return self.peer(*await asyncio.open_connection(*listener.address))

    def peer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Peer:
        peer = Peer(reader, writer)
        self.stack.callback(peer.close)
        return peer


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield Stage(stack)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Both loops that the gateway runs on: they differ in how they write, pause and report the end of a connection."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as opened:
        yield opened
