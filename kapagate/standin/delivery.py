"""Writes a reply to the socket, with the faults of the wire: late, in pieces, stalled, cut."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from kapagate.standin.call import Reply

Sleep = Callable[[float], Awaitable[None]]


async def deliver(request: web.Request, reply: Reply, sleep: Sleep) -> web.StreamResponse:
    """Sends the reply, piece by piece as its operation made it, unless a fault of the wire says otherwise."""
    faults = reply.faults
    if faults.latency:
        await sleep(faults.latency)
    response = await _open(request, reply)
    for number, piece in enumerate(slice_body(reply)):
        if number:
            await asyncio.sleep(0)  # else the event loop hands all pieces to the reader at once
        await response.write(piece)
        if faults.stall and not number:
            await sleep(faults.stall)
    if is_cut(reply) and request.transport is not None:
        request.transport.close()
    return response


def slice_body(reply: Reply) -> list[bytes]:
    """The body as the pieces that are written, up to where it is cut."""
    faults, whole = reply.faults, b"".join(reply.pieces)
    if faults.cut is not None:
        whole = whole[: faults.cut]
    if faults.cut_pieces:
        return _slice(whole, faults.cut_pieces)
    if faults.stall and len(reply.pieces) == 1:
        return _slice(whole, -(-len(whole) // 2) or 1)
    return _regroup(whole, reply.pieces)


def is_cut(reply: Reply) -> bool:
    """Whether the body ends early; a cut beyond its end is none."""
    return reply.faults.cut is not None and reply.faults.cut < sum(map(len, reply.pieces))


async def _open(request: web.Request, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_type = reply.content_type
    if not reply.streamed:
        response.content_length = sum(map(len, reply.pieces))
    if is_cut(reply):
        response.force_close()
    await response.prepare(request)
    return response


def _slice(whole: bytes, size: int) -> list[bytes]:
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def _regroup(whole: bytes, pieces: tuple[bytes, ...]) -> list[bytes]:
    """`whole`, a prefix of the pieces, cut where they are."""
    found, start = [], 0
    for piece in pieces:
        if start < len(whole):
            found.append(whole[start : start + len(piece)])
        start += len(piece)
    return found
