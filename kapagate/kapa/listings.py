"""Kapa's threads, clusters, lists and statistics: one record whose strings are texts but for what machines read.

{"results": [...], "next_cursor"}    {"clusters": [...], ...}    {"count", "next", "previous", "results": [...]}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from kapagate.answer.events import Event, Place
from kapagate.answer.json_body import JsonBody
from kapagate.answer.places import places_in
from kapagate.kapa.texts import LISTED_KINDS, MACHINE_READ, NAMES

LINKS: Final = ("next", "previous")

Relink = Callable[[Any], str | None]
"""The link that the client gets in the place of one of Kapa's."""


class ListingCodec(JsonBody):
    """Every string is guarded but ids, times, cursors and the words of enumerations."""

    def __init__(self) -> None:
        super().__init__(places_of)


class PagedCodec(ListingCodec):
    """A page among others: its links lead to the gateway."""

    def __init__(self, relink: Relink) -> None:
        super().__init__()
        self._relink = relink

    def events_of(self, value: Any) -> list[Event]:
        if isinstance(value, dict):
            value.update({name: self._relink(value[name]) for name in LINKS if name in value})
        return super().events_of(value)


def places_of(value: Any) -> tuple[Place, ...]:
    """The texts of such a value."""
    return places_in(value, LISTED_KINDS, MACHINE_READ, names=NAMES)
