"""The admin port: one table from endpoint to handler, guarded by the permission that `access/endpoints.py` names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from kapagate.access.endpoints import ENDPOINTS, Endpoint
from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.web.answers import Handler, json_answer
from kapagate.web.endpoints import Document

Authenticate = Callable[[web.Request], Awaitable[tuple[str, ...] | None]]


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask. `authenticate` gives the caller's roles: None without valid credentials, or raises Problem."""

    authenticate: Authenticate
    allows: Callable[[tuple[str, ...], str], bool]
    challenge: str

    async def permit(self, request: web.Request, permission: str) -> None:
        """Raises Problem 401 or 403."""
        roles = await self.authenticate(request)
        if roles is None:
            detail = "send an API key of an administrator"
            raise Problem(problems.CREDENTIALS_REQUIRED, detail, challenges=[self.challenge])
        if not self.allows(roles, permission):
            raise Problem(problems.FORBIDDEN, f"this needs the permission {permission}")


def admin_routes(documents: Mapping[str, Document], access: Access | None) -> list[web.RouteDef]:
    """Without `access` everybody may ask everything: for loopback alone, which `open_doors` sees to."""
    return [
        web.route(endpoint.method, endpoint.path, _guarded(documents[name], endpoint, access))
        for name, endpoint in ENDPOINTS.items()
    ]


def _guarded(document: Document, endpoint: Endpoint, access: Access | None) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        if access is not None:
            await access.permit(request, endpoint.permission)
        return json_answer(await document())

    return handler
