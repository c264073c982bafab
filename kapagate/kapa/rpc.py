"""JSON-RPC 2.0 as MCP speaks it: requests, notifications and responses, one of them or a batch.

A refusal is told as its error. One that is about a message, or about what was answered to it, comes with status 200, as
every other answer to the message would: clients give their session up at other statuses. What has to do with the
transport (who asks, how often, whether the session is there) keeps its HTTP status, as MCP's streamable HTTP wants it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from kapagate.chain import problems
from kapagate.chain.edit import UNREAD
from kapagate.chain.exchange import Exchange
from kapagate.chain.problem import Problem
from kapagate.chain.response import Response

Id = str | int
NOT_JSON: Final = -32700
NO_MESSAGE: Final = -32600
NOT_ACCEPTED: Final = -32602
FAILED: Final = -32000
_ABOUT_A_MESSAGE = frozenset(
    {
        problems.QUESTION_REFUSED,
        problems.ANSWER_REFUSED,
        problems.UPSTREAM_UNINSPECTABLE,
        problems.UPSTREAM_MALFORMED,
        problems.UPSTREAM_TRUNCATED,
    }
)


def messages_of(document: Any) -> list[dict[str, Any]]:
    """The messages of a body. Raises Problem `malformed-body`."""
    found = document if isinstance(document, list) else [document]
    if not found or not all(map(_is_message, found)):
        raise Problem(problems.MALFORMED_BODY, "the body must be a JSON-RPC 2.0 message, or an array of them")
    return found


def request_ids(document: Any) -> list[Id]:
    """The ids of the requests in a body, whatever it is."""
    found = document if isinstance(document, list) else [document]
    asked = [each for each in found if isinstance(each, dict) and isinstance(each.get("method"), str)]
    return [each["id"] for each in asked if _is_id(each.get("id"))]


def error(name: Id | None, code: int, message: str, data: Any = None) -> dict[str, Any]:
    told = {"code": code, "message": message}
    if data is not None:
        told["data"] = data
    return {"jsonrpc": "2.0", "id": name, "error": told}


def refused(ex: Exchange, problem: Problem) -> Response:
    """A refusal before anything has left: an error for every request of the body, or one without id."""
    document = ex.edit.document
    ids: Sequence[Id | None] = request_ids(document)
    status = 200 if ids and problem.kind in _ABOUT_A_MESSAGE else problem.kind.status
    data = problem.document(ex.decision, ex.correlation_id)
    errors = [error(each, _code(problem, document), problem.detail, data) for each in ids or [None]]
    headers = [(b"Content-Type", b"application/json"), *problem.headers()[1:]]
    return Response.whole(status, headers, orjson.dumps(errors if isinstance(document, list) and ids else errors[0]))


def _code(problem: Problem, document: Any) -> int:
    if problem.kind is problems.QUESTION_REFUSED:
        return NOT_ACCEPTED
    if problem.kind is problems.MALFORMED_BODY:
        return NOT_JSON if document is UNREAD else NO_MESSAGE
    return FAILED


def _is_message(value: Any) -> bool:
    """A request, a notification, or a response."""
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        return False
    if "method" in value:
        said = isinstance(value["method"], str) and isinstance(value.get("params", {}), dict)
        return said and ("id" not in value or _is_id(value["id"])) and not value.keys() & {"result", "error"}
    return _is_id(value.get("id")) and len(value.keys() & {"result", "error"}) == 1


def _is_id(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)
