"""Opening a connection: names to addresses, addresses to a socket, the socket to a protocol."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from ipaddress import ip_address
from typing import TypeVar

from aiohappyeyeballs import AddrInfoType, start_connection

from kapagate.chain import problems
from kapagate.chain.hop import Endpoint
from kapagate.chain.problem import Problem
from kapagate.proxy.egress import allowed

P = TypeVar("P", bound=asyncio.Protocol)

_NEXT_ADDRESS_AFTER = 0.25


async def dial(make: Callable[[], P], endpoint: Endpoint, context: ssl.SSLContext | None) -> P:
    """A connected protocol within `connect_timeout`. Raises Problem `upstream-unreachable`."""
    try:
        async with asyncio.timeout(endpoint.connect_timeout):
            return await _connect(make, endpoint, context)
    except (OSError, RuntimeError, TimeoutError) as cause:  # RuntimeError: uvloop's word for some failed connects
        raise Problem(problems.UPSTREAM_UNREACHABLE, "the upstream cannot be reached") from cause


async def _connect(make: Callable[[], P], endpoint: Endpoint, context: ssl.SSLContext | None) -> P:
    loop = asyncio.get_running_loop()
    addresses = [address for address in await _resolve(endpoint) if allowed(str(address[4][0]))]
    if not addresses:
        raise OSError("no address that an upstream may have")
    sock = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_AFTER, loop=loop)
    try:
        _, protocol = await loop.create_connection(
            make, sock=sock, ssl=context, server_hostname=endpoint.host if context else None
        )
    except BaseException:
        sock.close()
        raise
    return protocol


async def _resolve(endpoint: Endpoint) -> list[AddrInfoType]:
    """Addresses in the resolver's order; a literal needs none."""
    try:
        literal = ip_address(endpoint.host)
    except ValueError:
        loop = asyncio.get_running_loop()
        return [*await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)]
    if literal.version == 6:
        return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (endpoint.host, endpoint.port, 0, 0))]
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (endpoint.host, endpoint.port))]
