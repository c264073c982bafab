"""Asking Kapa whose a thread is, with the tenant's own key, when the gateway does not remember it.

Kapa knows people by what the gateway told it: their pseudonyms, as `identifier` or `unique_client_id` of an end user.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.hop import Inbound, Outbound
from kapagate.chain.problem import Problem
from kapagate.kapa.fields import is_uuid

LONGEST = 2 * 2**20
_NAMES = ("identifier", "unique_client_id")


class Enquiry:
    """`outbound` makes the request that reads a thread."""

    def __init__(self, outbound: Callable[[Exchange, str], Outbound]) -> None:
        self._outbound = outbound

    async def __call__(self, ex: Exchange, thread: str, person: str) -> Sequence[str] | None:
        """The ids of the thread's answers when nobody but `person` took part in it, else None.

        Raises Problem `unavailable` when Kapa does not say, and what the hop raises.
        """
        upstream = ex.route.upstream
        if upstream is None:
            return None
        try:
            head = await upstream.hop.send(self._outbound(ex, thread), ex)
            body = await _read(head)
        finally:
            ex.times.sent = ex.times.answered = 0.0  # the question itself has not left
        if head.status == 404:
            return None
        if head.status != 200:
            detail = f"Kapa does not say whose the thread is (status {head.status})"
            raise Problem(problems.UNAVAILABLE, detail, retry_after=1)
        return answers_of(body, person)


def answers_of(body: bytes | None, person: str) -> list[str] | None:
    """The ids of the answers of a thread in which nobody but `person` took part; None for every other body."""
    try:
        thread = orjson.loads(body or b"")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(thread, dict):
        return None
    listed = thread.get("question_answers")
    answers = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    people = {_who(each.get("end_user")) for each in (thread, *answers)} - {None}
    if people != {person}:
        return None
    return [each["id"].lower() for each in answers if is_uuid(each.get("id"))]


def _who(end_user: Any) -> str | None:
    """What Kapa calls an end user; somebody that it names in no way that we know is nobody's match."""
    if not isinstance(end_user, dict):
        return None
    names = {str(end_user[key]) for key in _NAMES if end_user.get(key) is not None}
    return names.pop() if len(names) == 1 else ""


async def _read(head: Inbound) -> bytes | None:
    """The body, or None when it is too long; the connection is given up then."""
    pieces, length = [], 0
    try:
        async for piece in head.body:
            pieces.append(piece)
            length += len(piece)
            if length > LONGEST:
                return None
    finally:
        closing = getattr(head.body, "aclose", None)
        if closing is not None:
            await closing()
    return b"".join(pieces)
