"""The admin port: one table from endpoint to handler, guarded by the permission that `access/endpoints.py` names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from msgspec import Struct

from kapagate.access.endpoints import ENDPOINTS, Endpoint
from kapagate.chain import problems
from kapagate.chain.clock import Clock
from kapagate.chain.problem import Problem
from kapagate.ledger.journal import Journal
from kapagate.web.answers import Handler, json_answer
from kapagate.web.doors import LONGEST_BODY
from kapagate.web.endpoints import Document


class Caller(Struct, frozen=True):
    """Who asks: the name of the key that was used, and its roles."""

    key: str = ""
    roles: tuple[str, ...] = ()


Authenticate = Callable[[web.Request], Awaitable[Caller | None]]
NOBODY = Caller()


class Access(Struct, frozen=True):
    """Who may ask. `authenticate` gives the caller: None without valid credentials, or raises Problem."""

    authenticate: Authenticate
    allows: Callable[[tuple[str, ...], str], bool]
    challenge: str

    async def caller(self, request: web.Request) -> Caller:
        """Raises Problem 401."""
        caller = await self.authenticate(request)
        if caller is None:
            detail = "send an API key of an administrator"
            raise Problem(problems.CREDENTIALS_REQUIRED, detail, challenges=[self.challenge])
        return caller

    def permit(self, caller: Caller, permission: str) -> None:
        """Raises Problem 403."""
        if not self.allows(caller.roles, permission):
            raise Problem(problems.FORBIDDEN, f"this needs the permission {permission}")


class Guard:
    """The access of a gateway, whose keys and roles change with its policy. Whether any are asked for never does."""

    def __init__(self, access: Access | None) -> None:
        self._now = access
        self.access = access and Access(self._authenticate, self._allows, access.challenge)

    def become(self, access: Access | None) -> None:
        """Another policy's; without one the old one stands."""
        if self._now is not None and access is not None:
            self._now = access

    async def _authenticate(self, request: web.Request) -> Caller | None:
        return await self._now.authenticate(request) if self._now is not None else None

    def _allows(self, roles: tuple[str, ...], permission: str) -> bool:
        return self._now is not None and self._now.allows(roles, permission)


def admin_routes(
    documents: Mapping[str, Document], access: Access | None, journal: Journal, clock: Clock
) -> list[web.RouteDef]:
    """Without `access` everybody may ask everything: for loopback alone, which `open_doors` sees to. Every call is
    recorded, refused or not.
    """
    return [
        web.route(endpoint.method, endpoint.path, _recorded(name, documents[name], endpoint, access, journal, clock))
        for name, endpoint in ENDPOINTS.items()
    ]


def _recorded(
    name: str, document: Document, endpoint: Endpoint, access: Access | None, journal: Journal, clock: Clock
) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        begun, caller, status = clock.monotonic(), NOBODY, 500
        try:
            if access is not None:
                caller = await access.caller(request)
                access.permit(caller, endpoint.permission)
            answer = json_answer(await document(await _asked(request, endpoint)))
            status = answer.status
        except Problem as problem:
            status = problem.kind.status
            raise
        finally:
            client = request.remote or ""
            told = f"admin.{name}", request.method, endpoint.path, client, caller.key, caller.roles
            journal.called(*told, status, begun)
        return answer

    return handler


async def _asked(request: web.Request, endpoint: Endpoint) -> str:
    """What the endpoint is given: its body, or the query. Raises Problem when the body cannot be read."""
    if not endpoint.reads:
        return request.rel_url.raw_query_string
    try:
        return (await request.read()).decode()
    except web.HTTPRequestEntityTooLarge:
        raise Problem(problems.BODY_TOO_LARGE, f"the body is longer than {LONGEST_BODY} bytes") from None
    except UnicodeDecodeError:
        raise Problem(problems.MALFORMED_BODY, "the body is not valid UTF-8") from None
