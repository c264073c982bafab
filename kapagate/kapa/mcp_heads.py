"""The heads of what an MCP server answers: which are refused, and in whose words."""

from __future__ import annotations

from typing import Final

from kapagate.chain import problems
from kapagate.chain.hop import Inbound
from kapagate.chain.problem import Problem
from kapagate.kapa.heads import OBJECTS, refusal_of, unreadable, wait_of

METHODS: Final = ("GET", "POST", "DELETE")
EVENTS: Final = frozenset({b"text/event-stream"})
AS_EVENTS: Final = (
    (b"Content-Type", b"text/event-stream"),
    (b"Cache-Control", b"no-store"),
    (b"X-Accel-Buffering", b"no"),
)
_KEPT = {
    400: problems.MALFORMED_REQUEST,
    404: problems.NOT_FOUND,
    405: problems.METHOD_NOT_ALLOWED,
    429: problems.UPSTREAM_LIMITED,
    503: problems.UPSTREAM_UNAVAILABLE,
}


def refusal_by_server(head: Inbound) -> Problem | None:
    """What is told in the place of an answer with a status from 300 on; None where its JSON can be told itself. The
    statuses by which clients go on are kept.
    """
    if head.status in (401, 403) or head.status < 400:
        return refusal_of(head)
    if not unreadable(head, OBJECTS):
        return None
    detail = f"the MCP server answered with an error that is not shown (status {head.status})"
    kind = _KEPT.get(head.status, problems.UPSTREAM_FAILED)
    allow = METHODS[1:] if head.status == 405 else ()
    return Problem(kind, detail, retry_after=wait_of(head), allow=allow)
