"""The probe port: is it alive, does it serve, what do its metrics say. Nothing here needs credentials or tells secrets.

`/livez` asks the event loop alone, `/readyz` whether it serves and is not draining, `/health/ready` every dependency
too. `/.well-known/jwks.json` has the keys that backends verify our tokens with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from aiohttp import web
from msgspec import Struct, field

from kapagate.chain.clock import Clock
from kapagate.identity.published import PublishedKeys
from kapagate.web.answers import json_answer
from kapagate.web.health import Check, system_health, worst

_KEYS_KEPT_FOR = 300
"""Seconds for which backends may keep our key set."""


class Lifecycle(Struct):
    """Where the process is in its life; the composition root moves it on."""

    serving: bool = False
    draining: bool = False

    @property
    def ready(self) -> bool:
        return self.serving and not self.draining

    @property
    def phase(self) -> str:
        return "draining" if self.draining else "ready" if self.serving else "starting"


class Probe(Struct, frozen=True):
    """What the probe port tells. `render` gives the metrics in the format `content_type`; it may take its time."""

    lifecycle: Lifecycle
    checks: Sequence[Check]
    clock: Clock
    version: str
    render: Callable[[], bytes]
    content_type: str
    published: PublishedKeys = field(default_factory=PublishedKeys)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/livez", self.livez),
            web.get("/readyz", self.readyz),
            web.get("/health", self.health),
            web.get("/health/ready", self.health_ready),
            web.get("/metrics", self.metrics),
            web.get("/version", self.versions),
            web.get("/.well-known/jwks.json", self.key_set),
        ]

    async def livez(self, request: web.Request) -> web.Response:
        return json_answer({"status": "alive"})

    async def readyz(self, request: web.Request) -> web.Response:
        return json_answer({"status": self.lifecycle.phase}, 200 if self.lifecycle.ready else 503)

    async def health(self, request: web.Request) -> web.Response:
        """The process as a whole, without its dependencies."""
        return json_answer({"status": "healthy", "phase": self.lifecycle.phase, "version": self.version})

    async def health_ready(self, request: web.Request) -> web.Response:
        """Names and statuses alone: why a dependency is ill is told on the admin port."""
        dependencies = await system_health(self.checks, self.clock)
        told: dict[str, Any] = {dependency["name"]: dependency["status"] for dependency in dependencies}
        good = self.lifecycle.ready and worst(dependencies) != "unhealthy"
        return json_answer({"status": self.lifecycle.phase, "dependencies": told}, 200 if good else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        body = await asyncio.to_thread(self.render)
        return web.Response(body=body, headers={"Content-Type": self.content_type, "Cache-Control": "no-store"})

    async def versions(self, request: web.Request) -> web.Response:
        return json_answer({"name": "kapagate", "version": self.version})

    async def key_set(self, request: web.Request) -> web.Response:
        headers = {"Content-Type": "application/jwk-set+json", "Cache-Control": f"public, max-age={_KEYS_KEPT_FOR}"}
        return web.Response(body=orjson.dumps(self.published.document()), headers=headers)
