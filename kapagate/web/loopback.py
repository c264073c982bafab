"""A door on loopback answers only when it is called by its own names: DNS rebinding, see `access/hosts.py`."""

from __future__ import annotations

from aiohttp import web

from kapagate.access.hosts import Hosts
from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.web.answers import Handler

_OWN = Hosts()


@web.middleware
async def called_by_its_name(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses requests whose Host is not loopback; exactly one Host is needed."""
    named = request.headers.getall("Host", [])
    if len(named) != 1 or not _OWN.admit(named[0]):
        raise Problem(problems.FORBIDDEN, "call this port by localhost or a loopback address")
    return await handler(request)
