"""Many clients at once, each request with a token of its own: an answer that carries another one is somebody else's.

An upstream here answers every request with its token, in whichever odd way the scenario wants, and says nothing of its
own accord but what the scenario is about: `EVIL`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import select
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from tests.wire.message import Message, read_answer, read_request
from tests.wire.relay import turns

EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
PATIENCE = 30.0


class Caller:
    """A client with a connection that is opened again whenever it has ended."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._held = b""
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, token: str) -> Message | None:
        """The answer; None where the connection ended before it was whole."""
        await self.begin(method, token)
        return await self.answer(method)

    async def begin(self, method: str, token: str) -> None:
        if self._streams is None:
            self._held = b""
            self._streams = await asyncio.open_connection(*self._address)
        body = token.encode() if method == "POST" else b""
        framing = b"Content-Length: %d\r\n" % len(body) if body else b""
        head = b"%b /a/%b HTTP/1.1\r\nHost: a\r\n%b\r\n" % (method.encode(), token.encode(), framing)
        self._streams[1].write(head + body)

    async def answer(self, method: str) -> Message | None:
        ended = False
        while (found := read_answer(self._held, bodiless=method == "HEAD", ended=ended)) is None:
            if ended:
                self.leave()
                return None
            piece = await self.some()
            ended = not piece
            self._held += piece
        message, size = found
        self._held = self._held[size:]
        if ended or message.all("connection") == [b"close"]:
            self.leave()
        return message

    async def some(self) -> bytes:
        assert self._streams is not None
        try:
            return await self._streams[0].read(65536)
        except ConnectionError:
            return b""

    def leave(self) -> None:
        """At once, whatever was under way."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


class Asked:
    """One connection of an upstream's: requests come out, bytes go in at once, without a turn of the loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.port: int = writer.get_extra_info("peername")[1]
        self._reader = reader
        self._held = b""
        self._file = writer.get_extra_info("socket").fileno()
        self._heard = select.poll()
        self._heard.register(self._file, select.POLLIN)

    async def request(self) -> Message:
        """Raises ConnectionError when there is none any more."""
        while (found := read_request(self._held)) is None:
            piece = await self._reader.read(65536)
            if not piece:
                raise ConnectionError
            self._held += piece
        self._held = self._held[found[1] :]
        return found[0]

    def say(self, data: bytes) -> None:
        """Raises ConnectionError."""
        if self.writer.transport.is_closing():
            raise ConnectionError
        os.write(self._file, data)

    @property
    def is_asked(self) -> bool:
        """Whether a byte of a request is here: what is said now may be taken for its answer by anybody."""
        return bool(self._held or self._reader._buffer or self._heard.poll(0))  # type: ignore[attr-defined]  # no public way


def token_of(request: Message) -> bytes:
    return request.line.rpartition("/")[2].encode()


def answer_to(request: Message) -> bytes:
    token = token_of(request)
    body = b"" if request.line.startswith("HEAD") else token
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(token), body)


Serve = Callable[[Asked], Awaitable[None]]


@contextlib.asynccontextmanager
async def upstream(serve: Serve, port: int = 0) -> AsyncIterator[int]:
    """Runs `serve` for each of its connections, again and again; its port."""
    running: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            asked = Asked(reader, writer)
            while True:
                await serve(asked)
        running.discard(task)
        writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", port, reuse_address=True)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in tuple(running):
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await turns()


@dataclass
class Tally:
    """What the clients got: how often their own answer, a refusal by its status, an unfinished message (0)."""

    own: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    foreign: list[tuple[str, bytes]] = field(default_factory=list)

    def note(self, method: str, token: str, message: Message | None) -> None:
        if message is None or message.status != 200:
            status = message.status if message else 0
            self.refused[status] = self.refused.get(status, 0) + 1
        elif message.body == (b"" if method == "HEAD" else token.encode()):
            self.own += 1
        else:
            self.foreign.append((token, message.body))


_numbers = itertools.count()


def fresh(label: str = "t") -> str:
    """A token that was never used."""
    return f"{label}{next(_numbers):08x}"
