"""The load: connections that ask, wait for the whole answer, and ask again.

A closed loop over keep-alive connections, in plain protocols, so that generator and upstream together need less of
their core than any subject needs of its own.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import cast

CONNECTIONS = 32
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class Refused(Exception):
    """A subject did not answer as it should; the message holds the beginning of what it said."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request in full, and bytes that its answer must contain."""

    request: bytes
    expected: bytes


def post(path: str, body: bytes, headers: dict[str, str], expected: bytes) -> Question:
    fields = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return Question(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body, expected)


class Asking(asyncio.Protocol):
    """One connection. `answers` are whole answers; `ended` is done when the connection is, or with a Refused."""

    def __init__(self, question: Question, ended: asyncio.Future[None]) -> None:
        self._question = question
        self._buffer = b""
        self.answers = 0
        self.ended = ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._question.request)

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        if not is_whole(buffer):
            return
        if buffer[:12] != b"HTTP/1.1 200" or self._question.expected not in buffer:
            self._end(Refused(buffer[:600].decode("utf-8", "replace")))
            return
        self._buffer = b""
        self.answers += 1
        self._transport.write(self._question.request)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or Refused("the connection was closed"))

    def stop(self) -> None:
        self._end(None)
        self._transport.abort()

    def _end(self, failure: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(failure) if failure else self.ended.set_result(None)


def is_whole(buffer: bytes) -> bool:
    """Whether an answer is complete: by its length, else by its last chunk."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return False
    length = _LENGTH.search(buffer, 0, end + 2)
    if length is None:
        return buffer.endswith(_LAST_CHUNK)
    return len(buffer) - end - 4 >= int(length[1])


async def ask(port: int, question: Question, seconds: float) -> int:
    """Whole answers within the time. Raises Refused."""
    loop = asyncio.get_running_loop()
    asking = [Asking(question, loop.create_future()) for _ in range(CONNECTIONS)]
    for each in asking:
        await loop.create_connection(lambda each=each: each, "127.0.0.1", port)  # type: ignore[misc]  # the default binds each
    failed, _ = await asyncio.wait([each.ended for each in asking], timeout=seconds, return_when="FIRST_EXCEPTION")
    for each in asking:
        each.stop()
    for each in asking:
        if failed:
            each.ended.result()
    return sum(each.answers for each in asking)
