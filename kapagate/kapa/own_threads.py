"""Lists of threads, without those of others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from kapagate.answer.events import Other, Record
from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.kapa.listings import places_of
from kapagate.kapa.operation import Id

Steps = tuple[str | None, ...]
"""A list's keys from the root; None stands for every item of a list."""


def lists_of_threads(ids: Iterable[Id]) -> tuple[Steps, ...]:
    """Where an answer has lists whose items are threads."""
    shown = (each.path for each in ids if each.part == "shown" and each.what == "thread")
    return tuple(path[:-2] for path in shown if len(path) > 2 and path[-2:] == (None, "id"))


class OwnThreads:
    """An event rule. `own` are the ids that may be seen, in lower case."""

    __slots__ = ("_lists", "_own")

    def __init__(self, own: Collection[str], lists: Sequence[Steps]) -> None:
        self._own = own
        self._lists = lists

    def of(self, record: Record) -> Record:
        """The record with the caller's own threads alone. Raises Problem where it has no such list at all."""
        if not isinstance(record, Other):
            return record
        value = record.value
        for path in self._lists:
            if not isinstance(value, dict) or not isinstance(value.get(path[0]), list):
                raise Problem(problems.UPSTREAM_UNINSPECTABLE, "Kapa's list of threads has a shape that is not known")
            value = self._filtered(value, path)
        return record if value == record.value else Other(value, places_of(value), record.envelope)

    def _filtered(self, value: Any, path: Steps) -> Any:
        """The value with its lists at `path` filtered; what is of another shape is not there."""
        if not path:
            return [item for item in value if self._is_own(item)] if isinstance(value, list) else []
        key, rest = path[0], path[1:]
        if key is None:
            return [self._filtered(item, rest) for item in value] if isinstance(value, list) else []
        if not isinstance(value, dict) or key not in value:
            return value
        return {**value, key: self._filtered(value[key], rest)}

    def _is_own(self, item: Any) -> bool:
        name = item.get("id") if isinstance(item, dict) else None
        return isinstance(name, str) and name.lower() in self._own
