"""One small internal backend, a customer register: what stands behind the routes `crm` and `hooks`."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from kapagate.standin.specimens import quote_specimens

_NOTES = [{"by": "support", "text": quote_specimens()}]
_CUSTOMERS = {"42": {"id": "42", "name": "Initech", "plan": "enterprise", "seats": 120, "notes": _NOTES}}


async def _customer(request: web.Request) -> web.Response:
    customer = _CUSTOMERS.get(request.match_info["id"])
    if customer is None:
        return web.json_response({"detail": "no such customer"}, status=404)
    return web.json_response({**customer, "asked_as": request.headers.get("X-Kapagate-User-Role", "")})


_EVENTS: web.AppKey[list[dict[str, Any]]] = web.AppKey("events")


async def _take(request: web.Request) -> web.Response:
    """Takes an event; one that says so fails at its first delivery."""
    events = request.app[_EVENTS]
    event = {**await request.json(), "source": request.match_info["source"], "id": request.headers["webhook-id"]}
    first = all(known["id"] != event["id"] for known in events)
    events.append(event)
    if event.get("fails_first") and first:
        return web.json_response({"detail": "the register is locked"}, status=503)
    return web.json_response({"taken": event["id"]}, status=202)


async def _deliveries(request: web.Request) -> web.Response:
    return web.json_response([event["id"] for event in request.app[_EVENTS]])


async def start_backend() -> tuple[web.AppRunner, str]:
    """Serves on a free port of loopback; returns what stops it (`cleanup`) and its URL."""
    application = web.Application()
    application[_EVENTS] = []
    application.router.add_get("/crm/customers/{id}", _customer)
    application.router.add_get("/crm/deliveries", _deliveries)
    application.router.add_post("/hooks/{source}", _take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}"
