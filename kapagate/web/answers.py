"""Answers of the gateway's own ports: JSON documents, and problems (RFC 9457) for everything that is none."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from kapagate.chain import problems
from kapagate.chain.problem import Kind, Problem

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_KINDS = {403: problems.FORBIDDEN, 404: problems.NOT_FOUND, 405: problems.METHOD_NOT_ALLOWED}


def json_answer(document: Any, status: int = 200) -> web.Response:
    """A document that no cache keeps."""
    body = orjson.dumps(document, default=str)
    return web.Response(status=status, body=body, content_type="application/json", headers=_HEADERS)


def problem_answer(problem: Problem) -> web.Response:
    headers = [(name.decode(), value.decode("latin-1")) for name, value in problem.headers()]
    headers.append(("X-Content-Type-Options", "nosniff"))
    return web.Response(status=problem.kind.status, body=orjson.dumps(problem.document("", "")), headers=headers)


@web.middleware
async def problems_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong below becomes a problem; a bug is told in the log alone."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem_answer(problem)
    except web.HTTPException as refusal:
        kind = _KINDS.get(refusal.status) or Kind("refused", refusal.status, refusal.reason)
        answer = problem_answer(Problem(kind, kind.title))
        if "Allow" in refusal.headers:
            answer.headers["Allow"] = refusal.headers["Allow"]
        return answer
    except Exception:
        log.exception("an endpoint failed")
        return problem_answer(Problem(problems.INTERNAL, "the gateway failed on this request"))
