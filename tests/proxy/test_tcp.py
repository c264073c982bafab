from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator

import pytest

from kapagate.proxy import tcp


@contextlib.contextmanager
def closing(sockets: list[socket.socket]) -> Iterator[list[socket.socket]]:
    try:
        yield sockets
    finally:
        for each in sockets:
            each.close()


async def test_listens_on_every_address_of_a_host() -> None:
    known = await asyncio.get_running_loop().getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)
    with closing(await tcp.bind("localhost", 0, 8)) as sockets:
        assert {each.getsockname()[0] for each in sockets} == {address[0] for *_, address in known}
        for each in sockets:
            with socket.create_connection(each.getsockname()[:2]):
                pass


async def test_a_taken_address_is_named_and_leaves_nothing_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port}: address already in use") as caught:
            await tcp.bind("127.0.0.1", port, 8)
    assert caught.value.errno == errno.EADDRINUSE


async def test_a_host_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(OSError):  # noqa: PT011 - the resolver's own words
        await tcp.bind("nobody.invalid", 0, 8)
