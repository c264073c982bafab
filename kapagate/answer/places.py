"""Finding the texts of a JSON value whose shape is known only in part: strings, and the keys that nobody knows."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Set
from typing import Any

from kapagate.answer.document import DEPTH, KEY, TooDeep
from kapagate.answer.events import Path, Place, TextKind

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UUID_LENGTH = 36
_CONTAINERS = (dict, list)
_NOTHING: Mapping[str, TextKind] = {}
_FOR_MACHINES = re.compile(r"[^\s@]*|https?://\S*", re.IGNORECASE)


def places_in(
    value: Any,
    kinds: Mapping[str, TextKind] = _NOTHING,
    untouched: Container[str] = (),
    beneath: Path = (),
    names: Set[str] | None = None,
) -> tuple[Place, ...]:
    """A place for every string: its kind by the nearest key above it, `other` where `kinds` does not know that key; and
    one for every key that is not among `names` (None: keys are not looked at).

    Left out: what machines read under keys in `untouched` (it has no blank and no at sign, unless it is a URL), UUIDs,
    which only damage could change, and empty strings. `beneath` is put before each path. Raises TooDeep.
    """
    if isinstance(value, str):
        return (Place(beneath, "other"),) if _is_text(value) else ()
    found: list[Place] = []
    if isinstance(value, _CONTAINERS):
        _Search(kinds, untouched, names, found).look(value, beneath, "", DEPTH)
    return tuple(found)


def is_for_machines(text: str) -> bool:
    """Whether a string can be an address, a cursor, a time or a word of a program, and nothing that is written."""
    return _FOR_MACHINES.fullmatch(text) is not None


class _Search:
    """Every answer takes this walk, so a path is made for what is found and for what is gone into alone."""

    __slots__ = ("_found", "_kinds", "_names", "_untouched")

    def __init__(
        self, kinds: Mapping[str, TextKind], untouched: Container[str], names: Set[str] | None, found: list[Place]
    ) -> None:
        self._kinds = kinds
        self._untouched = untouched
        self._names = names
        self._found = found

    def look(self, value: dict[str, Any] | list[Any], path: Path, key: str, depth: int) -> None:
        """Find the texts below `path`, whose nearest key is `key`, at most `depth` levels deep."""
        if depth <= 0:
            raise TooDeep(f"it is nested deeper than {DEPTH} levels")
        if isinstance(value, dict):
            if self._names is not None and not value.keys() <= self._names:
                unknown = (name for name in value if name not in self._names and _is_text(name))
                self._found += [Place((*path, name, KEY), "other") for name in unknown]
            for name, each in value.items():
                if isinstance(each, str):
                    if _is_text(each) and not (name in self._untouched and is_for_machines(each)):
                        self._found.append(Place((*path, name), self._kinds.get(name, "other")))
                elif isinstance(each, _CONTAINERS):
                    self.look(each, (*path, name), name, depth - 1)
            return
        for index, each in enumerate(value):
            if isinstance(each, _CONTAINERS):
                self.look(each, (*path, index), key, depth - 1)
            elif isinstance(each, str) and _is_text(each) and not (key in self._untouched and is_for_machines(each)):
                self._found.append(Place((*path, index), self._kinds.get(key, "other")))


def _is_text(text: str) -> bool:
    return bool(text) and not (len(text) == _UUID_LENGTH and _UUID.fullmatch(text))
