"""The endpoint `audit`: the records, the newest first, filtered, in pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kapagate.chain import problems
from kapagate.chain.problem import BackendFailed, Problem
from kapagate.chain.query import parameters_of
from kapagate.ledger.ledger import Ledger
from kapagate.ledger.selection import Selection

LIMIT, MOST = 100, 1000


async def told_audit(ledger: Ledger, query: str) -> Any:
    """`{records, cursor}`; the cursor of the next page is null where there is none. Raises Problem."""
    given = parameters_of(query)
    limit = _number("limit", given.pop("limit", str(LIMIT)), MOST)
    cursor = given.pop("cursor", None)
    before = None if cursor is None else _number("cursor", cursor, (1 << 63) - 1)
    try:
        selection = Selection.of(given)
    except ValueError as cause:
        raise Problem(problems.MALFORMED_REQUEST, str(cause)) from cause
    try:
        page = await ledger.page(selection, limit, before)
    except BackendFailed as cause:
        raise Problem(problems.UNAVAILABLE, "the records cannot be read right now", retry_after=1) from cause
    return {"records": page.records, "cursor": None if page.before is None else str(page.before)}


def audit_of(ledger: Callable[[], Ledger]) -> Callable[[str], Any]:
    """The endpoint of the ledger that is in use when it is asked."""

    async def document(query: str) -> Any:
        return await told_audit(ledger(), query)

    return document


def _number(name: str, text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 1 <= int(text) <= most):
        raise Problem(problems.MALFORMED_REQUEST, f"{name} is a number from 1 to {most}")
    return int(text)
