"""What of a comparison rests on placeholders. They stand for what nobody knows here, so nothing is told by them.

Where two policies name other references, or one a reference and the other a value, the values that were made up may
come to the same, or to more or less, by chance. Such a change is `unknown`, whatever the values say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from kapagate.chain.order import Label
from kapagate.policy.annotations import Path
from kapagate.policy.changes import Side, written
from kapagate.policy.nodes import Mapping, Node
from kapagate.policy.nodes import Sequence as Items

_REFERENCE = re.compile(r"\$\{([^}]+)\}")


def honest(label: Label, before: Side, after: Side, made_up: Collection[str]) -> Label:
    """The label, unless it was found with values that were made up (`env:NAME`)."""
    guessed = label in ("looser", "tighter") and before.text != after.text
    return "unknown" if guessed and _rests(before.text, after.text, made_up) else label


def unseen(before: Node | None, after: Node | None, told: Collection[Path], made_up: Collection[str]) -> Iterator[Path]:
    """The paths of values that are written otherwise, by a reference that was made up, and are not `told` already."""
    for path in _otherwise(before, after, made_up) if made_up else ():
        if not any(path[: len(each)] == each or each[: len(path)] == path for each in told):
            yield path


def _otherwise(before: Node | None, after: Node | None, made_up: Collection[str], path: Path = ()) -> Iterator[Path]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before.entries, *after.entries)):
            yield from _otherwise(before.get(key), after.get(key), made_up, (*path, key))
    elif isinstance(before, Items) and isinstance(after, Items) and len(before.items) == len(after.items):
        for index, pair in enumerate(zip(before.items, after.items, strict=True)):
            yield from _otherwise(*pair, made_up, (*path, index))
    else:
        was, now = written(before), written(after)
        if was != now and _rests(was, now, made_up):
            yield path


def _rests(before: str, after: str, made_up: Collection[str]) -> bool:
    return any(reference in made_up for text in (before, after) for reference in _REFERENCE.findall(text))
