"""Finding the texts of a JSON value whose shape is known only in part."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any

from kapagate.answer.document import DEPTH, TooDeep
from kapagate.answer.events import Path, Place, TextKind

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UUID_LENGTH = 36
_CONTAINERS = (dict, list)
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
    if isinstance(value, _CONTAINERS):
        _look(value, beneath, "", DEPTH, kinds, untouched, found)
    return tuple(found)


def _look(
    value: dict[str, Any] | list[Any],
    path: Path,
    key: str,
    depth: int,
    kinds: Mapping[str, TextKind],
    untouched: Container[str],
    found: list[Place],
) -> None:
    """Find the texts below `path`, whose nearest key is `key`, at most `depth` levels deep.

    Every answer takes this walk, so a path is made for what is found and for what is gone into alone.
    """
    if depth <= 0:
        raise TooDeep(f"it is nested deeper than {DEPTH} levels")
    if isinstance(value, dict):
        for name, each in value.items():
            if isinstance(each, str):
                if name not in untouched and _is_text(each):
                    found.append(Place((*path, name), kinds.get(name, "other")))
            elif isinstance(each, _CONTAINERS):
                _look(each, (*path, name), name, depth - 1, kinds, untouched, found)
        return
    for index, each in enumerate(value):
        if isinstance(each, _CONTAINERS):
            _look(each, (*path, index), key, depth - 1, kinds, untouched, found)
        elif isinstance(each, str) and key not in untouched and _is_text(each):
            found.append(Place((*path, index), kinds.get(key, "other")))


def _is_text(text: str) -> bool:
    return bool(text) and not (len(text) == _UUID_LENGTH and _UUID.fullmatch(text))
