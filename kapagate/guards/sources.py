"""Which sources an answer may name: allow and deny lists of addresses and titles, and the passages that come from them.

A source is an object with a `source_url`, in a list of its like: the sources of an answer, the passages of a
retrieval, a page of documents. One that may not be named leaves its list; a document that is asked for by itself, and
may not be named, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kapagate.answer.events import Other, Path, Place, Record, Sources
from kapagate.answer.refusal import Refused
from kapagate.guards.regex import words_regex

Moves = dict[Path, dict[str | int, int]]
"""Of lists that lost members, by their paths: where each of the others stood, and stands."""

_DEPTH = 64
_URL, _TITLE = "source_url", "title"
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")


@dataclass(frozen=True, slots=True)
class Named:
    """Sources by their address, their title, or both; `*` stands for any characters, case does not matter."""

    url: str | None = None
    title: str | None = None


class SourceRule:
    """An event rule (`kapagate.answer.rules.EventRule`): only what `allow` names, when it names any, without `deny`."""

    __slots__ = ("_allow", "_deny")

    def __init__(self, allow: Sequence[Named], deny: Sequence[Named]) -> None:
        self._allow = tuple(map(_Matcher, allow))
        self._deny = tuple(map(_Matcher, deny))

    def __call__(self, record: Record) -> Record:
        """The record without the sources that may not be named. Raises Refused when it is one of them itself."""
        if not isinstance(record, Sources | Other):
            return record
        if isinstance(record.value, dict) and not self.allows(record.value):
            raise Refused("", "source")
        moves: Moves = {}
        value = self._without(record.value, (), moves)
        if not moves:
            return record
        return record._replace(value=value, places=tuple(_moved(record.places, moves)))

    def allows(self, source: dict[str, Any]) -> bool:
        """Whether it may be named; what has no address is no source."""
        url, title = source.get(_URL), source.get(_TITLE)
        if not isinstance(url, str):
            return True
        title = title if isinstance(title, str) else ""
        allowed = not self._allow or any(each(url, title) for each in self._allow)
        return allowed and not any(each(url, title) for each in self._deny)

    def _without(self, value: Any, path: Path, moves: Moves) -> Any:
        """The value without them; `moves` learns where the members of lists that lost some now stand."""
        if len(path) >= _DEPTH:
            return value
        if isinstance(value, dict):
            return {key: self._without(each, (*path, key), moves) for key, each in value.items()}
        if not isinstance(value, list):
            return value
        kept = [at for at, each in enumerate(value) if not isinstance(each, dict) or self.allows(each)]
        if len(kept) < len(value):
            moves[path] = {at: new for new, at in enumerate(kept)}
        return [self._without(value[at], (*path, at), moves) for at in kept]


def _moved(places: Iterable[Place], moves: Moves) -> Iterator[Place]:
    """The places that are still there, where they are now."""
    for place in places:
        path: Path = ()
        for depth, key in enumerate(place.path):
            moved = moves.get(place.path[:depth])
            if moved is not None and key not in moved:
                break
            path = (*path, key if moved is None else moved[key])
        else:
            yield Place(path, place.kind)


class _Matcher:
    __slots__ = ("_title", "_url")

    def __init__(self, named: Named) -> None:
        self._url = named.url and words_regex(_pattern(named.url))
        self._title = named.title and words_regex(_pattern(named.title))

    def __call__(self, url: str, title: str) -> bool:
        by_url = not self._url or self._url.match(_encoded(url)) is not None
        return by_url and (not self._title or self._title.match(_encoded(title)) is not None)


def _pattern(glob: str) -> str:
    return r"(?s)\A" + ".*".join(_SPECIAL.sub(r"\\\1", part) for part in glob.split("*")) + r"\z"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
