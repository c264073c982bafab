"""An identity provider on loopback that answers as the test says."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.identity.keys import jwk


class Provider:
    """`asked` counts the requests; while `hold` is there and not set, they wait for it."""

    def __init__(self) -> None:
        self.asked = 0
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: bytes = b""
        self.hold: asyncio.Event | None = None
        self.reached = asyncio.Event()
        self.seen: list[dict[str, str]] = []
        self.url = ""
        self.publish(jwk("RSA"))

    def publish(self, *keys: dict[str, Any]) -> None:
        self.status, self.body = 200, json.dumps({"keys": keys}).encode()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        self.reached.set()
        self.seen.append(dict(request.headers))
        if self.hold is not None:
            await self.hold.wait()
        return web.Response(status=self.status, headers=self.headers, body=self.body)


@asynccontextmanager
async def serving(provider: Provider, context: ssl.SSLContext | None = None) -> AsyncIterator[Provider]:
    app = web.Application()
    app.router.add_get("/{path:.*}", provider.answer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    provider.url = f"http{'s' if context else ''}://127.0.0.1:{runner.addresses[0][1]}/jwks.json"
    try:
        yield provider
    finally:
        if provider.hold is not None:
            provider.hold.set()
        await runner.cleanup()
