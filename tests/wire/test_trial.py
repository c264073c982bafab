"""The oracle bites: proxies that do what they must not are caught by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from tests.wire import cuts
from tests.wire.case import parse
from tests.wire.recorder import recording
from tests.wire.trial import faults, observe

FRAMED = b"\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"
PIPELINED = """\
- name: a
  reason: "RFC 9112, 9.3.2"
  bytes: |
    GET /a/1 HTTP/1.1\\r\\nHost: gateway.example\\r\\nConnection: X-One\\r\\nX-One: 1\\r\\n\\r\\n
  answers: 200
  arrives: GET /a/1
"""


class Half(asyncio.Protocol):
    """One end of a proxy that copies bytes and changes them on their way."""

    def __init__(self, change: Callable[[bytes], bytes], other: Half | None = None) -> None:
        self.change = change
        self.other = other
        self.early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self.other is not None:
            self.other.other = self
            self.transport.write(self.other.early)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.early += self.change(data)
        else:
            self.other.transport.write(self.change(data))

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.other is not None:
            self.other.transport.abort()


async def found(change: Callable[[bytes], bytes]) -> list[str]:
    """What the oracle finds at such a proxy."""
    (case,) = parse(PIPELINED)
    loop = asyncio.get_running_loop()
    connecting: list[asyncio.Task[object]] = []
    async with recording() as recorder:

        def accept() -> Half:
            half = Half(change)
            ahead = loop.create_connection(lambda: Half(bytes, half), "127.0.0.1", recorder.port)
            connecting.append(loop.create_task(ahead))
            return half

        server = await loop.create_server(accept, "127.0.0.1", 0)
        seen = await observe(case, server.sockets[0].getsockname(), recorder, cuts.whole)
        server.close()
        await asyncio.gather(*connecting)
        return faults(case, seen)


def cleaned(data: bytes) -> bytes:
    return data.replace(b"Connection: X-One\r\nX-One: 1\r\n", b"")


async def test_finds_nothing_at_a_proxy_that_does_what_it_must() -> None:
    assert await found(cleaned) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda data: data, "b'connection' reached the upstream"),
        (lambda data: data.replace(b"Connection: X-One\r\n", b""), "b'x-one' reached the upstream"),
        (lambda data: cleaned(data).replace(b"\r\n\r\n", b"\r\nHost: b\r\n\r\n"), "2 Host fields"),
        (lambda data: cleaned(data).replace(b"/a/1", b"/a/2"), "GET /a/2 arrived, not GET /a/1"),
        (
            lambda data: cleaned(data).replace(
                b"\r\n\r\n", b"\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"
            ),
            "two framings",
        ),
    ],
)
async def test_finds_what_reaches_the_upstream(change: Callable[[bytes], bytes], fault: str) -> None:
    assert fault in await found(change)


async def test_finds_a_request_too_many() -> None:
    twice = await found(lambda data: cleaned(data) * 2 if b"/a/1" in data else cleaned(data))
    assert twice
