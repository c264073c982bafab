"""The endpoints of `access/endpoints.py`, implemented: each gives a JSON document, whichever port asks for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson

from kapagate.access.endpoints import ENDPOINTS
from kapagate.chain import problems
from kapagate.chain.clock import Clock
from kapagate.chain.exchange import Exchange
from kapagate.chain.generation import Generation
from kapagate.chain.problem import Problem
from kapagate.chain.response import Response
from kapagate.chain.route import Serve
from kapagate.ledger.ledger import Ledger
from kapagate.ledger.record import moment
from kapagate.ledger.shadows import Shadows
from kapagate.web.audit import audit_of
from kapagate.web.config import Attempt, ConfigView
from kapagate.web.guard import guard_of
from kapagate.web.health import Check, system_health, worst

Document = Callable[[str], Awaitable[Any]]
"""What an endpoint tells. It is given the raw query of the request, or its body where it `reads` one."""
_HEADERS = ((b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store"))


def implemented(
    config: Callable[[], ConfigView],
    checks: Sequence[Check],
    clock: Clock,
    ledger: Callable[[], Ledger],
    reload: Callable[[str], Awaitable[Attempt]],
    generation: Callable[[], Generation],
    shadows: Shadows,
) -> dict[str, Document]:
    """Every endpoint by its name. `config` gives the view of the generation that is live when it is called, `ledger`
    the ledger that is in use then; `reload` loads the policy again, for whom it is told. `generation` is the live one,
    `shadows` what its steps in shadow would have done.
    """

    async def told_config(query: str) -> Any:
        return config().document()

    async def told_health(query: str) -> Any:
        dependencies = await system_health(checks, clock)
        return {"status": worst(dependencies), "checked_at": moment(clock.wall()), "dependencies": dependencies}

    async def told_reload(query: str) -> Any:
        attempt = await reload("admin")
        if not attempt.success:
            raise Problem(problems.POLICY_REFUSED, attempt.summary, members=attempt.document())
        return attempt.document()

    async def told_shadow(query: str) -> Any:
        return shadows.document(clock.wall())

    documents = {
        "audit": audit_of(ledger),
        "config": told_config,
        "guard_try": guard_of(generation),
        "reload": told_reload,
        "shadow": told_shadow,
        "system_health": told_health,
    }
    if documents.keys() != ENDPOINTS.keys():
        raise LookupError(f"endpoints without an implementation or a permission: {documents.keys() ^ ENDPOINTS.keys()}")
    return documents


def serves(documents: Mapping[str, Document]) -> dict[str, Serve]:
    """The same endpoints for `serve:` routes of the data port."""
    return {name: _serve(document, ENDPOINTS[name].reads) for name, document in documents.items()}


def _serve(document: Document, reads: bool) -> Serve:
    async def serve(exchange: Exchange) -> Response:
        request = exchange.request
        asked = orjson.dumps(await exchange.document()).decode() if reads else request.query
        return Response.whole(200, _HEADERS, orjson.dumps(await document(asked), default=str))

    return serve
