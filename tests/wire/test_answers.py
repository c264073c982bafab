"""Every case of `cases/answers`, cut in every way, through the real data plane to clients of both versions.

Behind every case comes a probe, on the client's connection where that stays open: its answer must be its own, and the
upstream's connection on which it arrives shows whether the case's went back to the pool.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.wire import cuts
from tests.wire.answer_case import AnswerCase, answer_cases
from tests.wire.conftest import FULL
from tests.wire.message import Message, read_answer, read_request
from tests.wire.relay import PATIENCE, Relay, relaying, speaking, turns

CASES = answer_cases()
CUTS: dict[str, Callable[[bytes, str], list[bytes]]] = {
    "whole": lambda data, seed: cuts.whole(data),
    "byte by byte": lambda data, seed: cuts.byte_by_byte(data),
    **{
        f"at random {number}": lambda data, seed, number=number: cuts.at_random(data, f"{seed}/{number}")  # type: ignore[misc]  # bound
        for number in range(10 if FULL else 1)
    },
}
PROBE = b"GET /a/probe HTTP/1.1\r\nHost: a\r\n\r\n"
ASKED = "the-case"
"""The correlation id of the case's request, so that its record is found among those of strangers to this port."""
PROBED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nprobe"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Upstream:
    """Says what the case says, in pieces, and answers probes. `reused`: a probe came behind the case."""

    case: AnswerCase
    pieces: list[bytes]
    relay: Relay | None = None
    said: asyncio.Event = field(default_factory=asyncio.Event)
    reused: bool = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asked = False
        while True:
            message = await self._request(reader)
            if message.line == "GET /a/probe":
                self.reused = self.reused or asked
                writer.write(PROBED)
                continue
            asked = True
            try:
                await self._speak(writer)
            finally:
                self.said.set()

    async def _request(self, reader: asyncio.StreamReader) -> Message:
        held = b""
        while (found := read_request(held)) is None:
            if held.endswith(b"half!") and self.case.body == "unsent":
                return Message(held.partition(b"\r\n")[0], ())
            piece = await reader.read(65536)
            if not piece:
                raise ConnectionError
            held += piece
        return found[0]

    async def _speak(self, writer: asyncio.StreamWriter) -> None:
        for piece in self.pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
            if self.case.dripped and self.relay is not None:
                await turns()
                self.relay.pass_by(self.case.dripped)
        if self.case.then == "resets":
            await turns()
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()
        elif self.case.then == "closes":
            writer.close()


class Client:
    """`message` is the answer, `whole` or not; `ended`: the connection is, `clean`ly or with a reset."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.held = b""
        self.ended = False
        self.clean = True
        self.writer = writer
        self._reader = reader

    async def answer(self, to_head: bool) -> tuple[Message, bool]:
        """The answer, and whether it is whole."""
        while (found := read_answer(self.held, bodiless=to_head, ended=self.ended and self.clean)) is None:
            if self.ended:
                head = read_answer(self.held, bodiless=True, ended=False)
                assert head is not None, f"no head came: {self.held[:200]!r}"
                part, self.held = self.part(), b""
                return Message(head[0].start, head[0].fields, part), False
            await self._receive()
        self.held = self.held[found[1] :]
        return found[0], True

    async def _receive(self) -> None:
        try:
            piece = await self._reader.read(65536)
        except ConnectionError:
            piece, self.clean = b"", False
        self.held += piece
        self.ended = not piece

    def part(self) -> bytes:
        """What is here of a body that is not whole."""
        head, _, body = self.held.partition(b"\r\n\r\n")
        if b"Transfer-Encoding: chunked" not in head:
            return body
        part = b""
        while body:
            size, _, rest = body.partition(b"\r\n")
            part += rest[: int(size, 16)]
            body = rest[int(size, 16) + 2 :]
        return part


async def conversation(case: AnswerCase, cut: str, version: bytes) -> tuple[Message, bool, list[str]]:
    """The answer as the client of that version sees it, whether it was whole, and what else was wrong."""
    upstream = Upstream(case, pieces(case, cut))
    async with speaking(upstream) as port, relaying(port) as relay, asyncio.timeout(PATIENCE):
        upstream.relay = relay
        client = Client(*await asyncio.open_connection(*relay.address))
        client.writer.write(request(case, version))
        answering = asyncio.ensure_future(client.answer(case.method == "HEAD"))
        await upstream.said.wait()
        while case.late and not answering.done():
            await turns()
            if case.status >= 500 or client.part() == case.tells:
                relay.pass_by(case.late)
        message, whole = await answering
        closes = message.all("connection") == [b"close"] or version == b"1.0" or case.body == "unsent"
        wrong = await after(client, relay, closes)
        client.writer.close()
        record = next(each for each in relay.records if each["correlation_id"] == ASKED)
        if record.get("problem", "") != case.records:
            wrong.append(f"the record says {record.get('problem', '')!r}")
        if case.goes_back != "either" and upstream.reused != (case.goes_back == "true"):
            wrong.append("the connection went back" if upstream.reused else "the connection did not go back")
        return message, whole, wrong


def pieces(case: AnswerCase, cut: str) -> list[bytes]:
    if len(case.upstream) < 2:
        return [case.upstream]
    return cuts.byte_by_byte(case.upstream) if case.dripped else CUTS[cut](case.upstream, case.name)


def request(case: AnswerCase, version: bytes) -> bytes:
    said = b"half!" if case.body == "unsent" else b"half!whole"
    body = b"Content-Length: 10\r\n\r\n" + said if case.method == "POST" else b"\r\n"
    line = b"%b %b HTTP/%b\r\n" % (case.method.encode(), case.path.encode(), version)
    return b"%bHost: a\r\nX-Correlation-ID: %b\r\n%b" % (line, ASKED.encode(), body)


async def after(client: Client, relay: Relay, closes: bool) -> list[str]:
    """What the connection says behind the answer that belongs to no answer; the probe."""
    if client.held:
        return [f"behind the answer came {client.held[:80]!r}"]
    if closes or client.ended:
        client = Client(*await asyncio.open_connection(*relay.address))
    client.writer.write(PROBE)
    message, whole = await client.answer(False)
    client.writer.close()
    return [] if (message.body, whole) == (b"probe", True) else [f"the probe got {message}"]


@pytest.mark.parametrize("version", [b"1.1", b"1.0"], ids=["to 1.1", "to 1.0"])
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
async def test_one_verdict_whatever_the_cuts(case: AnswerCase, cut: str, version: bytes) -> None:
    message, whole, wrong = await conversation(case, cut, version)
    if message.status != case.status:
        wrong.append(f"the status is {message.status}")
    if case.kind and f'/{case.kind}"'.encode() not in message.body:
        wrong.append(f"the problem is {message.body!r}")
    if not case.kind and message.body != case.tells:
        wrong.append(f"the body is {message.body[:200]!r}")
    if whole is case.unfinished:
        wrong.append("the client takes a part for the whole" if whole else "the answer is not whole")
    wrong += [f"{name}: {message.all(name)}" for name, values in case.has.items() if message.all(name) != values]
    wrong += [f"there is {name}" for name in case.lacks if message.all(name)]
    assert wrong == []


def test_the_corpus_is_as_large_as_was_agreed() -> None:
    assert len(CASES) >= 60
