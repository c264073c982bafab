"""Codec of JSON bodies whose text fields are declared: `answer`, `items[].body`, `[].content`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kapagate.answer.document import strings_in
from kapagate.answer.events import Path, Place, TextKind
from kapagate.answer.json_body import JsonBody

FieldPath = tuple[str | None, ...]
"""Keys from the root; None stands for every item of an array."""

_SEGMENT = re.compile(r"([^\[\].\s]*)((?:\[\])*)")


def parse_field_path(text: str) -> FieldPath:
    """`items[].body` -> ("items", None, "body"). Raises ValueError with a sentence that says what is wrong."""
    path: list[str | None] = []
    for position, segment in enumerate(text.split(".")):
        match = _SEGMENT.fullmatch(segment)
        if match is None:
            raise ValueError(f"{text!r}: {segment!r} is neither a key nor a key with [] behind it")
        key, arrays = match.groups()
        if not key and not (arrays and position == 0):
            raise ValueError(f"{text!r}: a key is missing, write for example items[].body")
        path += [key] if key else []
        path += [None] * (len(arrays) // 2)
    return tuple(path)


class FieldsCodec(JsonBody):
    """One `Other` record. Below a declared field every string is a text of its kind; nothing else is touched."""

    def __init__(self, fields: Mapping[FieldPath, TextKind]) -> None:
        super().__init__(lambda value: _places(value, fields))


def _places(value: Any, fields: Mapping[FieldPath, TextKind]) -> list[Place]:
    kinds: dict[Path, TextKind] = {}
    for field, kind in fields.items():
        for path, part in _matches(value, field):
            for below, _ in strings_in(part):
                kinds.setdefault((*path, *below), kind)
    return [Place(path, kind) for path, kind in kinds.items()]


def _matches(value: Any, field: FieldPath, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if not field:
        yield path, value
    elif field[0] is None:
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _matches(item, field[1:], (*path, index))
    elif isinstance(value, dict) and field[0] in value:
        yield from _matches(value[field[0]], field[1:], (*path, field[0]))
