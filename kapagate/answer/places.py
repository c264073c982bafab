"""Finding the texts of a JSON value whose shape is known only in part."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any

from kapagate.answer.document import DEPTH, TooDeep
from kapagate.answer.events import Path, Place, TextKind

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UUID_LENGTH = 36
_NOTHING: Mapping[str, TextKind] = {}


def places_in(
    value: Any, kinds: Mapping[str, TextKind] = _NOTHING, untouched: Container[str] = (), beneath: Path = ()
) -> tuple[Place, ...]:
    """A place for every string: its kind by the nearest key above it, `other` where `kinds` does not know that key.

    Left out: strings whose nearest key is in `untouched` (URLs), UUIDs, which only damage could change, and empty
    strings. `beneath` is put before each path. Raises TooDeep.
    """
    if isinstance(value, str):
        return (Place(beneath, "other"),) if _is_text(value) else ()
    found: list[Place] = []
    if isinstance(value, dict | list):
        _Search(kinds, untouched, found).look(value, beneath, "", DEPTH)
    return tuple(found)


class _Search:
    """One walk through a value. Every answer takes it, so it makes a path for what it finds alone."""

    __slots__ = ("_found", "_kinds", "_untouched")

    def __init__(self, kinds: Mapping[str, TextKind], untouched: Container[str], found: list[Place]) -> None:
        self._kinds = kinds
        self._untouched = untouched
        self._found = found

    def look(self, value: dict[str, Any] | list[Any], path: Path, key: str, depth: int) -> None:
        """Find the texts below `path`, whose nearest key is `key`, at most `depth` levels deep."""
        if depth <= 0:
            raise TooDeep(f"it is nested deeper than {DEPTH} levels")
        named = isinstance(value, dict)
        for at, each in value.items() if isinstance(value, dict) else enumerate(value):
            nearest: Any = at if named else key
            if isinstance(each, str):
                if nearest not in self._untouched and _is_text(each):
                    self._found.append(Place((*path, at), self._kinds.get(nearest, "other")))
            elif isinstance(each, dict | list):
                self.look(each, (*path, at), nearest, depth - 1)


def _is_text(text: str) -> bool:
    return bool(text) and not (len(text) == _UUID_LENGTH and _UUID.fullmatch(text))
