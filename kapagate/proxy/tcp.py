"""Listening on TCP addresses."""

from __future__ import annotations

import asyncio
import socket


async def bind(host: str, port: int, backlog: int) -> list[socket.socket]:
    """A listening socket for every address of `host`; port 0 takes a free one each. Raises OSError, and then none is
    open.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    opened: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            opened.append(socket.create_server(address, family=family, backlog=backlog))
    except OSError as cause:
        for each in opened:
            each.close()
        raise OSError(cause.errno, f"cannot listen on {host}, port {port}: {_reason(cause)}") from None
    return opened


def _reason(cause: OSError) -> str:
    return (cause.strerror or str(cause)).partition(" (while")[0].lower()
