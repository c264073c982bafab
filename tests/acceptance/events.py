"""A backend that says one event at a time, each only when its reader has the one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Speaker:
    """`heads` are the headers of what it was asked, `url` where it listens."""

    events: Sequence[bytes]
    url: str = ""
    heads: list[dict[str, str]] = field(default_factory=list)
    go_on: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.heads.append(dict(request.headers))
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        for event in self.events:
            await self.go_on.acquire()
            await response.write(event)
        return response


@asynccontextmanager
async def speaking(*events: bytes) -> AsyncIterator[Speaker]:
    speaker, app = Speaker(events), web.Application()
    app.router.add_route("*", "/{path:.*}", speaker.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    speaker.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield speaker
    finally:
        await runner.cleanup()
