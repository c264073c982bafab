"""Kapa's two ways to read on: opaque cursors, and numbered pages with absolute links on Kapa's own host."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from kapagate.standin.call import Call
from kapagate.standin.errors import not_found
from kapagate.standin.parameters import Parameters

PAGE = 5
"""What a page has when nobody says: few, so that short lists have several."""
LARGEST = 500


class Cursor:
    """Where to read on. An empty cursor is the beginning."""

    def __init__(self, parameters: Parameters) -> None:
        self._size = parameters.integer("page_size", LARGEST, PAGE)
        self._start = _decoded(parameters)

    def cut(self, items: Sequence[Any]) -> tuple[Sequence[Any], str | None, str | None]:
        """The page, and the cursors of the next and the one before."""
        end = self._start + self._size
        before = _encoded(max(0, self._start - self._size)) if self._start else None
        return items[self._start : end], _encoded(end) if end < len(items) else None, before


def paged(call: Call, parameters: Parameters, items: Sequence[Any]) -> dict[str, Any]:
    """`{count, next, previous, results}`; raises KapaError (404) for a page that is not there."""
    size, page = parameters.integer("page_size", LARGEST, PAGE), parameters.integer("page", 10**6, 1)
    parameters.check()
    results = items[(page - 1) * size : page * size]
    if page > 1 and not results:
        raise not_found()
    return {
        "count": len(items),
        "next": _link(call, page + 1) if page * size < len(items) else None,
        "previous": _link(call, page - 1) if page > 1 else None,
        "results": results,
    }


def _link(call: Call, page: int) -> str:
    return f"{call.url}?{urlencode({**call.query, 'page': page})}"


def _encoded(start: int) -> str:
    return base64.b64encode(f"o={start}".encode()).decode()


def _decoded(parameters: Parameters) -> int:
    said = parameters.text("cursor")
    if not said:
        return 0
    try:
        name, _, start = base64.b64decode(said, validate=True).decode("ascii").partition("=")
    except ValueError:
        name, start = "", ""
    if name != "o" or not start.isdecimal():
        parameters.complain("cursor", "Invalid cursor.")
        return 0
    return int(start)
