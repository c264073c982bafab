"""What one request may cost in memory, measured in this process: the gateway's share and a little of the peers'."""

from __future__ import annotations

import asyncio
import socket
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.wire.message import read_answer
from tests.wire.relay import INSPECTED, Relay, relaying, speaking, turns

MARGIN = 256 << 10
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads requests without keeping them, slowly, and answers."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while left:
            left -= len(await reader.read(min(left, 16 << 10)))
            await asyncio.sleep(0)
        writer.write(ANSWER)


@asynccontextmanager
async def prepared() -> AsyncIterator[tuple[Relay, socket.socket]]:
    """A gateway that has served a request already, and a connected client."""
    loop = asyncio.get_running_loop()
    async with speaking(swallow) as port, relaying(port) as relay:
        await ask(relay, b"POST /inspected/x", b'{"a": 1}')
        with socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, relay.address)
            yield relay, client
        await turns()


async def ask(relay: Relay, line: bytes, body: bytes, client: socket.socket | None = None) -> int:
    """The status of the answer."""
    loop = asyncio.get_running_loop()
    with client or socket.socket() as sock:
        sock.setblocking(False)
        if client is None:
            await loop.sock_connect(sock, relay.address)
        await loop.sock_sendall(sock, b"%b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (line, len(body)))
        sending = asyncio.ensure_future(loop.sock_sendall(sock, memoryview(body)))
        held = b""
        while (found := read_answer(held, bodiless=False, ended=False)) is None:
            held += await loop.sock_recv(sock, 4096)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    return found[0].status


async def most_for(line: bytes, body: bytes) -> tuple[int, int]:
    """The status, and the most bytes that were held meanwhile beyond what was held before."""
    async with prepared() as (relay, client), asyncio.timeout(20):
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            status = await ask(relay, line, body, client)
            return status, tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()


def question(size: int) -> bytes:
    """A JSON object of so many bytes."""
    return b'{"query": "%b"}' % (b"x" * (size - 13))


def wide(size: int) -> bytes:
    return b'{"query": "%b%b"}' % (b"x" * (size - 17), "😀".encode())


def escaped(size: int) -> bytes:
    return b'{"query": "%b\\ud83d\\ude00"}' % (b"x" * (size - 25))


def messages(size: int) -> bytes:
    each = b'{"role": "user", "content": "How do I rotate the signing key of my workspace?"}'
    return padded(b",".join([each] * ((size - 100) // (len(each) + 1))), size)


def brackets(size: int) -> bytes:
    return padded(b",".join([b"[[]]"] * ((size - 100) // 5)), size)


def padded(members: bytes, size: int) -> bytes:
    begin = b'{"query": [%b], "pad": "' % members
    return begin + b"x" * (size - len(begin) - 2) + b'"}'


@pytest.mark.parametrize("beyond", [-1, 0, 1])
@pytest.mark.parametrize(
    ("shape", "expected"),
    [(question, 200), (wide, 200), (escaped, 200), (messages, 200), (brackets, 400)],
    ids=["string", "wide string", "escaped emoji", "messages", "brackets"],
)
async def test_a_body_that_is_read_costs_at_most_ten_times_its_size(
    shape: Callable[[int], bytes], expected: int, beyond: int
) -> None:
    """Ten times is what can become resident. The writer of JSON reserves sixteen bytes for each that it then touches,
    which counts here and costs nothing. Shapes of all kinds are tried in `tests/answer/test_weight.py`.
    """
    body = shape(INSPECTED + beyond)
    assert len(body) == INSPECTED + beyond
    status, most = await most_for(b"POST /inspected/x", body)
    assert status == (413 if beyond > 0 else expected)
    reserved = 16 * len(body) if status == 200 else 0
    assert most - reserved <= 10 * len(body) + MARGIN


async def test_a_body_that_is_passed_on_costs_no_more_than_what_is_under_way() -> None:
    status, most = await most_for(b"POST /a/x", b"x" * (16 << 20))
    assert status == 200
    assert most <= 8 * MARGIN


async def test_a_body_that_is_too_large_costs_next_to_nothing() -> None:
    status, most = await most_for(b"POST /inspected/x", b"x" * (16 << 20))
    assert status == 413
    assert most <= 4 * MARGIN
