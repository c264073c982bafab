"""One small internal backend, a customer register: what stands behind the route `crm`."""

from __future__ import annotations

from aiohttp import web

_CUSTOMERS = {"42": {"id": "42", "name": "Initech", "plan": "enterprise", "seats": 120}}


async def _customer(request: web.Request) -> web.Response:
    customer = _CUSTOMERS.get(request.match_info["id"])
    if customer is None:
        return web.json_response({"detail": "no such customer"}, status=404)
    return web.json_response({**customer, "asked_as": request.headers.get("X-Kapagate-User-Role", "")})


async def start_backend() -> tuple[web.AppRunner, str]:
    """Serves on a free port of loopback; returns what stops it (`cleanup`) and its URL."""
    application = web.Application()
    application.router.add_get("/crm/customers/{id}", _customer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}"
