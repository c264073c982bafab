"""An upstream that says exactly what a test wants, byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Peer:
    """Answers every request on a connection with the same bytes and then closes it. `heads` are those it was sent."""

    answer: bytes
    heads: list[bytes] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answer)
        writer.write_eof()
        await reader.read()
        writer.close()


def message(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    """A whole answer with its length."""
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join([*head, "", ""]).encode() + body


@asynccontextmanager
async def peer(answer: bytes) -> AsyncIterator[Peer]:
    made = Peer(answer)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()
