"""The upstream of every subject: the same answers at once, so that what is measured is what stands in front.

`python -m bench.upstream [--bytes N] [--pause SECONDS] [--tls FILE]` prints its port. A path that ends in `/stream/`
gets 40 of Kapa's records, each in a chunk and a write of its own, with a pause before each but the first; anything else
gets one JSON object whose answer has 600 bytes, or as many as said. The file holds a certificate and its key. A
question that holds `[[cut]]` is answered in half, one that holds `[[500]]` not at all.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from typing import cast

import click
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


def document(size: int = len(ANSWER)) -> bytes:
    """Kapa's chat object, with an answer of so many bytes."""
    answer = (_WORDS * (size // len(_WORDS) + 1))[:size]
    return orjson.dumps({"answer": answer, **_IDS, "is_uncertain": False, "relevant_sources": _SOURCES})


def whole(size: int = len(ANSWER)) -> bytes:
    """A response with Kapa's chat object."""
    body = document(size)
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

    def __init__(self, loop: asyncio.AbstractEventLoop, json: bytes, stream: list[bytes], pause: float = 0.0) -> None:
        self._loop = loop
        self._json = json
        self._stream = stream
        self._pause = pause
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
                self._next(iter(self._stream), self._loop.time())
            else:
                self._transport.write(self._json)

    def _fail(self, asked: bytes) -> None:
        if b"[[cut]]" in asked:
            self._transport.write(self._json[: len(self._json) // 2])
            self._transport.close()
        else:
            self._transport.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")

    def _next(self, pieces: Iterator[bytes], due: float) -> None:
        """Each is due a pause after the one before was, however late that came."""
        piece = next(pieces, None)
        if piece is not None and not self._transport.is_closing():
            self._transport.write(piece)
            if self._pause:
                self._loop.call_at(due + self._pause, self._next, pieces, due + self._pause)
            else:
                self._loop.call_soon(self._next, pieces, due)


def _length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"content-length: ")
    return int(lowered[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def _unended(head: bytes, rest: bytes) -> bool:
    return b"\r\ntransfer-encoding: chunked" in head.lower() and not rest.endswith(b"0\r\n\r\n")


def _context(certificate: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def serve(size: int, pause: float, certificate: str | None) -> None:
    loop = asyncio.get_running_loop()
    json, stream = whole(size), pieces()
    server = await loop.create_server(
        lambda: Answering(loop, json, stream, pause),
        "127.0.0.1",
        0,
        backlog=8192,
        ssl=_context(certificate) if certificate else None,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@click.command()
@click.option("--bytes", "size", default=len(ANSWER), show_default=True, help="Of each whole answer's text.")
@click.option("--pause", default=0.0, help="Seconds before each record of a stream but the first.")
@click.option("--tls", "certificate", help="A file with a certificate and its key.")
def main(size: int, pause: float, certificate: str | None) -> None:
    """Answers everything at once."""
    uvloop.run(serve(size, pause, certificate))


if __name__ == "__main__":
    main()
