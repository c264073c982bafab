"""The stand-in as a server: routes, the checks that precede every operation, and its life.

The checks come in the order of Django REST Framework, which Kapa's answers look like: Accept (406), key (401), limit
(429), then the operation's own: project or thread (404), media type (415), body or query (400). Two endpoints of its
own need no key: `GET /__standin/health` and `GET /__standin/requests`.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self

import orjson
from aiohttp import web

from kapagate.standin.addresses import ADDRESSES, Address
from kapagate.standin.call import Call, Operation
from kapagate.standin.delivery import Sleep, deliver
from kapagate.standin.directives import Faults, parse_faults
from kapagate.standin.errors import KapaError, not_acceptable, not_found, too_large
from kapagate.standin.mcp import McpServer
from kapagate.standin.operations import perform
from kapagate.standin.projects import DEFAULT_PROJECTS, Projects
from kapagate.standin.recorder import Recorded, Recorder
from kapagate.standin.throttle import Throttle
from kapagate.standin.widget import OPERATIONS as WIDGET
from kapagate.standin.widget import admit

_OWN = "/__standin/"
_BODY_LIMIT = 8 << 20
_GRACE = 0.2  # seconds for running answers at the end; late ones are cut
_ACCEPTABLE = frozenset({"application/json", "application/*", "*/*"})
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StandIn:
    """`async with StandIn() as kapa:` serves Kapa's API at `kapa.url` until the block ends.

    projects: project id -> API key; two projects may share a key.
    faults: what goes wrong in every answer, as `Faults` or by the names of `kapagate.standin.directives`; the attribute
        may be set anew at any time.
    keep: how many requests `requests` remembers.
    limit: how many chats a minute a key may have (Kapa: 20); None: any number.
    sleep, now: how latency passes, and Unix time.
    """

    def __init__(
        self,
        *,
        projects: Mapping[str, str] = DEFAULT_PROJECTS,
        faults: Faults | Mapping[str, object] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        keep: int = 1000,
        seed: str = "stand-in",
        limit: int | None = None,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.faults = faults if isinstance(faults, Faults) else parse_faults(faults or {})
        self._projects = Projects(projects, seed)
        self._recorder = Recorder(keep)
        self._throttle, self._now = Throttle(limit), now
        self._host, self._port, self._ssl_context, self._sleep = host, port, ssl_context, sleep
        self.mcp = McpServer(self._projects, lambda: self.faults, sleep)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end; raises RuntimeError before the start."""
        if self._runner is None:
            raise RuntimeError("the stand-in is not running")
        host, port = self._runner.addresses[0][:2]
        scheme = "https" if self._ssl_context else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    @property
    def requests(self) -> list[Recorded]:
        """The last requests, the oldest first, refused ones included, those to `/__standin/` not."""
        return self._recorder.requests

    def clear(self) -> None:
        """Forgets the recorded requests; threads stay."""
        self._recorder.clear()

    async def __aenter__(self) -> Self:
        """Raises OSError when the address cannot be had."""
        runner = web.AppRunner(self._application(), access_log=None, handler_cancellation=True, shutdown_timeout=_GRACE)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port, ssl_context=self._ssl_context).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=_BODY_LIMIT, middlewares=[_translate, self._record])
        for address in ADDRESSES:
            add = app.router.add_get if address.method == "GET" else app.router.add_post
            add(address.path, self._handler(address))
        for path, operation in WIDGET.items():
            app.router.add_post(path, self._widget_handler(operation))
        self.mcp.add_to(app.router)
        app.router.add_get(_OWN + "health", _answer_health)
        app.router.add_get(_OWN + "requests", self._answer_requests)
        return app

    def _handler(self, address: Address) -> _Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            check_accept(request.headers.getall("Accept", []))
            key = self._projects.authenticate(request.headers.get("X-API-Key"))
            now = self._now()
            if address.throttled:
                self._throttle.take(key, now)
            body = await request.read()
            call = Call(
                self._projects,
                key,
                request.match_info,
                body,
                request.content_type,
                self.faults,
                request.query,
                str(request.url.with_query(None)),
                now,
            )
            return await deliver(request, perform(address.operation, call), self._sleep)

        return handle

    def _widget_handler(self, operation: Operation) -> _Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            project, key = admit(request.headers, self._projects)
            ids = {**request.match_info, "project_id": project}
            body = await request.read()
            call = Call(self._projects, key, ids, body, request.content_type, self.faults, now=self._now())
            return await deliver(request, perform(operation, call), self._sleep)

        return handle

    @web.middleware
    async def _record(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if not request.path.startswith(_OWN):
            body = await request.read()
            self._recorder.add(Recorded(request.method, request.raw_path, request.headers, body))
        return await handler(request)

    async def _answer_requests(self, request: web.Request) -> web.StreamResponse:
        return _json([recorded.describe() for recorded in self.requests])


def check_accept(values: list[str]) -> None:
    """Raises KapaError (406) when the Accept headers admit no JSON."""
    ranges = {one.partition(";")[0].strip().lower() for value in values for one in value.split(",")} - {""}
    if ranges and not ranges & _ACCEPTABLE:
        raise not_acceptable()


async def _answer_health(request: web.Request) -> web.StreamResponse:
    return _json({"status": "ok", "service": "stand-in Kapa, for demos and tests only"})


@web.middleware
async def _translate(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Errors become Kapa's JSON, those of the web framework too."""
    try:
        return await handler(request)
    except KapaError as error:
        return _json(error.body, error.status, error.headers)
    except web.HTTPMethodNotAllowed as error:
        return _json({"detail": f'Method "{error.method}" not allowed.'}, 405, {"Allow": error.headers["Allow"]})
    except web.HTTPNotFound:
        return _json(not_found().body, 404)
    except web.HTTPRequestEntityTooLarge:
        return _json(too_large().body, 413)


def _json(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")
