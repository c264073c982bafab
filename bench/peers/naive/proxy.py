"""What a competent engineer writes first: aiohttp's `Application` and one `ClientSession`, streaming, no policy at all.

`python -m bench.peers.naive.proxy UPSTREAM_URL [PORT]` prints its port.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiohttp import ClientSession, TCPConnector, web

_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    }
)
_NOT_SENT = _HOP_BY_HOP | {"host", "content-length"}
_UPSTREAM = web.AppKey("upstream", str)
_SESSION = web.AppKey("session", ClientSession)


async def proxy(request: web.Request) -> web.StreamResponse:
    headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _NOT_SENT]
    body = await request.read()
    url = request.app[_UPSTREAM] + request.path_qs
    async with request.app[_SESSION].request(request.method, url, headers=headers, data=body or None) as answer:
        response = web.StreamResponse(status=answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                response.headers.add(name, value)
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        await response.write_eof()
        return response


def application(upstream: str, session: ClientSession) -> web.Application:
    app = web.Application()
    app[_UPSTREAM] = upstream
    app[_SESSION] = session
    app.router.add_route("*", "/{rest:.*}", proxy)
    return app


async def serve(upstream: str, port: int) -> None:
    async with ClientSession(connector=TCPConnector(limit=256), auto_decompress=False) as session:
        runner = web.AppRunner(application(upstream, session), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=8192)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
