"""The oracle: an upstream that keeps every byte it gets, and answers each complete request with what it read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from tests.wire.message import Ambiguous, Message, read_request


@dataclass
class Recorder:
    """`requests`: the complete ones, in the order in which they were complete. `fault`: what could be read in two
    ways; its connection ends. `unfinished`: how many connections hold or ended with a part of a request. `instead`:
    what is answered instead of a 200 that repeats method and target.
    """

    port: int = 0
    requests: list[Message] = field(default_factory=list)
    fault: str = ""
    instead: bytes = b""
    _held: dict[Heard, bytes] = field(default_factory=dict)

    @property
    def unfinished(self) -> int:
        return sum(bool(held) for held in self._held.values())

    def forget(self) -> None:
        """Of what was heard; connections stay."""
        self.requests.clear()
        self.fault = ""
        self.instead = b""
        self._held.clear()

    def hear(self, connection: Heard, data: bytes) -> None:
        data = self._held.get(connection, b"") + data
        try:
            while found := read_request(data):
                message, size = found
                data = data[size:]
                self.requests.append(message)
                connection.answer(self._reply(message))
        except Ambiguous as cause:
            self.fault = str(cause)
            connection.transport.close()
        self._held[connection] = data

    def _reply(self, message: Message) -> bytes:
        if self.instead and message.line != PROBE:
            return self.instead
        said = message.line.encode()
        body = b"" if said.startswith(b"HEAD ") else said
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/plain\r\n\r\n%b" % (len(said), body)


PROBE = "GET /a/probe"


class Heard(asyncio.Protocol):
    """One connection of the gateway."""

    transport: asyncio.Transport

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.recorder.hear(self, data)

    def answer(self, data: bytes) -> None:
        self.transport.write(data)


@asynccontextmanager
async def recording() -> AsyncIterator[Recorder]:
    """A recorder on a free port of loopback."""
    recorder = Recorder()
    opened: list[Heard] = []

    def heard() -> Heard:
        opened.append(Heard(recorder))
        return opened[-1]

    server = await asyncio.get_running_loop().create_server(heard, "127.0.0.1", 0)
    recorder.port = server.sockets[0].getsockname()[1]
    try:
        yield recorder
    finally:
        server.close()
        for connection in opened:
            connection.transport.abort()
