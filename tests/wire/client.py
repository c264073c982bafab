"""A client that sends bytes in the pieces that it is told, and reads answers without trust."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable

from tests.wire.message import Message, read_answer

PATIENCE = 5.0


class Client:
    """One connection. `ended`: the other side has closed its own."""

    def __init__(self, sock: socket.socket) -> None:
        self.ended = False
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._held = b""

    async def send(self, pieces: Iterable[bytes]) -> None:
        """Each piece arrives by itself: the loop turns in between. What nobody reads any more is not sent."""
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                await self._loop.sock_sendall(self._sock, piece)
                await asyncio.sleep(0)

    def finish(self) -> None:
        """Nothing more will be sent."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    async def answer(self, to_head: bool = False) -> Message | None:
        """The next answer, interim ones included; None where the connection ends without one.

        Raises Ambiguous, and TimeoutError when neither comes.
        """
        async with asyncio.timeout(PATIENCE):
            while (found := read_answer(self._held, bodiless=to_head, ended=self.ended)) is None and not self.ended:
                await self._receive()
        if found is None:
            return None
        self._held = self._held[found[1] :]
        return found[0]

    async def rest(self) -> bytes:
        """What else is said before the connection ends. Raises TimeoutError where it does not end."""
        async with asyncio.timeout(PATIENCE):
            while not self.ended:
                await self._receive()
        return self._held

    async def _receive(self) -> None:
        try:
            piece = await self._loop.sock_recv(self._sock, 65536)
        except ConnectionError:
            piece = b""
        self._held += piece
        self.ended = not piece


@contextlib.asynccontextmanager
async def connected(address: tuple[str, int]) -> AsyncIterator[Client]:
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, address)
        yield Client(sock)
