"""The upstream of every subject: the same answers at once, so that what is measured is what stands in front.

`python -m bench.upstream` prints its port. A path that ends in `/stream/` gets 40 of Kapa's records, each in a chunk
and a write of its own; anything else gets one JSON object whose answer has 600 bytes. A question that holds `[[cut]]`
is answered in half, one that holds `[[500]]` not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import cast

import orjson
import uvloop

RECORDS = 40
_WORDS = "Open the console, choose your workspace, and rotate the key under Settings. The old one works for an hour. "
ANSWER = (_WORDS * 6)[:600]
_IDS = {
    "thread_id": "2f5b8c0e-7a41-4d3b-9c6e-1d2f3a4b5c6d",
    "question_answer_id": "9e8d7c6b-5a49-4838-a726-15043f2e1d0c",
}
_SOURCES = [{"source_url": "https://docs.example/keys", "title": "Rotating keys"}]
_SEPARATOR = "␞".encode()


def whole() -> bytes:
    """A response with Kapa's chat object."""
    body = orjson.dumps({"answer": ANSWER, **_IDS, "is_uncertain": False, "relevant_sources": _SOURCES})
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def pieces() -> list[bytes]:
    """A response with a stream of Kapa's records, as it is written."""
    size = len(ANSWER) // (RECORDS - 2)
    texts = [ANSWER[at * size : (at + 1) * size] for at in range(RECORDS - 2)]
    records = [_record("partial_answer", {"text": text}) for text in texts]
    records.append(_record("relevant_sources", {"relevant_sources": _SOURCES}))
    records.append(_record("identifiers", _IDS, ends=True))
    chunks = [b"%x\r\n%b\r\n" % (len(each), each) for each in records]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    return [head + chunks[0], *chunks[1:-1], chunks[-1] + b"0\r\n\r\n"]


def _record(kind: str, content: object, ends: bool = False) -> bytes:
    return orjson.dumps({"chunk": {"type": kind, "content": content, "stream_end": ends}}) + _SEPARATOR


class Answering(asyncio.Protocol):
    """Reads just enough of a request to know where it ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop, json: bytes, stream: list[bytes]) -> None:
        self._loop = loop
        self._json = json
        self._stream = stream
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if found and len(rest) >= _length(head) and not _unended(head, rest):
            self._buffer = b""
            if b"[[" in rest:
                self._fail(rest)
            elif b"/stream/ " in head:
                self._next(iter(self._stream))
            else:
                self._transport.write(self._json)

    def _fail(self, asked: bytes) -> None:
        if b"[[cut]]" in asked:
            self._transport.write(self._json[: len(self._json) // 2])
            self._transport.close()
        else:
            self._transport.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")

    def _next(self, pieces: Iterator[bytes]) -> None:
        piece = next(pieces, None)
        if piece is not None and not self._transport.is_closing():
            self._transport.write(piece)
            self._loop.call_soon(self._next, pieces)


def _length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"content-length: ")
    return int(lowered[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def _unended(head: bytes, rest: bytes) -> bool:
    return b"\r\ntransfer-encoding: chunked" in head.lower() and not rest.endswith(b"0\r\n\r\n")


async def serve() -> None:
    loop = asyncio.get_running_loop()
    json, stream = whole(), pieces()
    server = await loop.create_server(lambda: Answering(loop, json, stream), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
