"""Codec of JSON bodies whose text fields are declared: `answer`, `items[].body`, `[].content`.

A field may be declared to be the running text: the answer itself, which other shapes of the same answer tell in
pieces. There is one in an answer; where a body has two, it cannot be guarded as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from kapagate.answer.codec import Garbled
from kapagate.answer.document import keys_in, replaced_at, strings_in, value_at
from kapagate.answer.events import Event, Other, Path, Place, Text, TextKind
from kapagate.answer.json_body import JsonBody

FieldPath = tuple[str | None, ...]
"""Keys from the root; None stands for every item of an array."""

_SEGMENT = re.compile(r"([^\[\].\s]*)((?:\[\])*)")


PLAIN: FieldPath = ()
"""The running text of a stream whose events are plain text: all of each event's data. Written `.`"""


def parse_running_path(text: str) -> FieldPath:
    """As `parse_field_path`; `.` is `PLAIN`. Raises ValueError."""
    return PLAIN if text == "." else parse_field_path(text)


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
    """The running text, and one `Other` record with the rest. Below a declared field every string and key is a text of
    its kind; nothing else is touched.
    """

    def __init__(self, fields: Mapping[FieldPath, TextKind], running: Sequence[FieldPath] = ()) -> None:
        super().__init__(lambda value: places_of(value, fields))
        self._running = running
        self._at: Path | None = None

    def events_of(self, value: Any) -> list[Event]:
        found = running_in(value, self._running) if self._running else None
        if found is None:
            return super().events_of(value)
        self._at, text = found
        return [Text(text), *super().events_of(replaced_at(value, self._at, ""))]

    def value_of(self, events: list[Event]) -> Any:
        value = super().value_of(events)
        if self._at is None or not any(isinstance(event, Other) for event in events):
            return value
        return replaced_at(value, self._at, "".join(event.text for event in events if isinstance(event, Text)))


def running_in(value: Any, fields: Iterable[FieldPath]) -> tuple[Path, str] | None:
    """Where the running text stands, and the text; None without one.

    Raises Garbled where there are two, in one value or (an item's `index` that is not 0) in several, and where what
    stands there is a number, which clients would print, or has texts within it.
    """
    found = [match for field in fields for match in _matches(value, field)]
    texts = [(path, text) for path, text in found if isinstance(text, str)]
    if len(texts) > 1 or any(isinstance(part, dict | list) and part for _, part in found):
        raise Garbled("there is more than one running text")
    if any(isinstance(part, int | float) for _, part in found):
        raise Garbled("the running text is a number")
    for path, _ in texts:
        items = (value_at(value, path[: depth + 1]) for depth, key in enumerate(path) if isinstance(key, int))
        if any(isinstance(item, dict) and item.get("index", 0) != 0 for item in items):
            raise Garbled("there is more than one running text")
    return texts[0] if texts else None


def places_of(value: Any, fields: Mapping[FieldPath, TextKind]) -> tuple[Place, ...]:
    """The texts at and below the fields, keys included. Raises TooDeep."""
    kinds: dict[Path, TextKind] = {}
    for field, kind in fields.items():
        for path, part in _matches(value, field):
            for below, _ in chain(strings_in(part), keys_in(part)):
                kinds.setdefault((*path, *below), kind)
    return tuple(Place(path, kind) for path, kind in kinds.items())


def _matches(value: Any, field: FieldPath, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if not field:
        yield path, value
    elif field[0] is None:
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _matches(item, field[1:], (*path, index))
    elif isinstance(value, dict) and field[0] in value:
        yield from _matches(value[field[0]], field[1:], (*path, field[0]))
