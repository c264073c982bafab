"""Loopback: addresses that only this machine reaches, and the names that such an address may be called by.

A page in a browser on this machine can call loopback under any name that resolves to it (DNS rebinding); its `Host`
tells.
"""

from __future__ import annotations

from ipaddress import ip_address

from aiohttp import web
from yarl import URL

from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.web.answers import Handler


def is_loopback(host: str) -> bool:
    """Whether a host, without port or brackets, is this machine's own and no other's."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@web.middleware
async def called_by_its_name(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses requests whose Host is not loopback; exactly one Host is needed."""
    named = request.headers.getall("Host", [])
    if len(named) != 1 or not is_loopback(_host(named[0])):
        raise Problem(problems.FORBIDDEN, "call this port by localhost or a loopback address")
    return await handler(request)


def _host(field: str) -> str:
    """The host of a Host field (RFC 9110, 7.2), empty when it is none."""
    try:
        url = URL(f"http://{field}/")
        return url.host or "" if url.raw_path == "/" and url.user is None else ""
    except ValueError:
        return ""
