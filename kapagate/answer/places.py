"""Finding the texts of a JSON value whose shape is known only in part: strings, and the keys that nobody knows."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any

from kapagate.answer.document import DEPTH, KEY, TooDeep
from kapagate.answer.events import Path, Place, TextKind

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UUID_LENGTH = 36
_CONTAINERS = (dict, list)
_NOTHING: Mapping[str, TextKind] = {}
_URLS = ("http://", "https://")


def places_in(
    value: Any,
    kinds: Mapping[str, TextKind] = _NOTHING,
    untouched: Container[str] = (),
    beneath: Path = (),
    names: frozenset[str] | None = None,
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
        _look(value, beneath, "", DEPTH, kinds, untouched, names, found)
    return tuple(found)


def is_for_machines(text: str) -> bool:
    """Whether a string can be an address, a cursor, a time or a word of a program, and nothing that is written."""
    if " " in text or not text.isprintable():
        return False
    return "@" not in text or text[:8].lower().startswith(_URLS)


def _look(
    value: dict[str, Any] | list[Any],
    path: Path,
    key: str,
    depth: int,
    kinds: Mapping[str, TextKind],
    untouched: Container[str],
    names: frozenset[str] | None,
    found: list[Place],
) -> None:
    """Find the texts below `path`, whose nearest key is `key`, at most `depth` levels deep.

    Every answer takes this walk, so a path is made for what is found and for what is gone into alone.
    """
    if depth <= 0:
        raise TooDeep(f"it is nested deeper than {DEPTH} levels")
    if isinstance(value, dict):
        if names is not None and not names.issuperset(value):
            found += [Place((*path, name, KEY), "other") for name in value if name not in names and _is_text(name)]
        for name, each in value.items():
            if isinstance(each, str):
                if _is_text(each) and not (name in untouched and is_for_machines(each)):
                    found.append(Place((*path, name), kinds.get(name, "other")))
            elif isinstance(each, _CONTAINERS):
                _look(each, (*path, name), name, depth - 1, kinds, untouched, names, found)
        return
    for index, each in enumerate(value):
        if isinstance(each, _CONTAINERS):
            _look(each, (*path, index), key, depth - 1, kinds, untouched, names, found)
        elif isinstance(each, str) and _is_text(each) and not (key in untouched and is_for_machines(each)):
            found.append(Place((*path, index), kinds.get(key, "other")))


def _is_text(text: str) -> bool:
    return bool(text) and not (len(text) == _UUID_LENGTH and _UUID.fullmatch(text))
