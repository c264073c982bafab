"""Finding the texts of a JSON value whose shape is known only in part."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any

from kapagate.answer.document import strings_in
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
    found = []
    for path, text in strings_in(value):
        key = _nearest_key(path)
        if text and key not in untouched and not (len(text) == _UUID_LENGTH and _UUID.fullmatch(text)):
            found.append(Place((*beneath, *path), kinds.get(key, "other")))
    return tuple(found)


def _nearest_key(path: Path) -> str:
    for each in reversed(path):
        if isinstance(each, str):
            return each
    return ""
