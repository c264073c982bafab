"""Which sources an answer may name: by address, by title, and by what Kapa calls internal.

A source is an object with a `source_url`, in a list of its like: the sources of an answer, the passages of a
retrieval, a page of documents. One that may not be named leaves its list; a document that is asked for by itself, and
may not be named, is refused. What a source is called stands in the list alone, so the list is remembered (`Seen`) for
links in the text (`source_links.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from msgspec import Struct, field

from kapagate.answer.events import Other, Path, Place, Record, Sources
from kapagate.answer.refusal import Refused
from kapagate.guards.regex import words_regex

Moves = dict[Path, dict[str | int, int]]
"""Of lists that lost members, by their paths: where each of the others stood, and stands."""

_DEPTH = 64
_URL, _TITLE, _INTERNAL = "source_url", "title", "contains_internal_data"
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")
_PORTS = {"http": ":80", "https": ":443"}


class Named(Struct, frozen=True):
    """Sources by their address, their title, or both; `*` stands for any characters, case does not matter."""

    url: str | None = None
    title: str | None = None


class Seen(Struct):
    """The addresses of the sources of one answer, as `address` has them."""

    kept: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    withheld: int = 0


def address(url: str) -> str:
    """An address as it is compared: without fragment, default port and needless escapes, host in lower case."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return url
    host = parts.netloc.lower().removesuffix(_PORTS.get(parts.scheme, ":"))
    return unquote(urlunsplit((parts.scheme, host, parts.path, parts.query, "")), errors="surrogateescape")


def distinct(sources: Iterable[Any]) -> int:
    """How many pages they are: Kapa names a page once for each of its parts that it found."""
    return len({_identity(source) for source in sources})


def _identity(source: Any) -> str:
    if not isinstance(source, dict):
        return repr(source)
    url = source.get(_URL)
    return address(url) if isinstance(url, str) else f"{source.get(_TITLE)!r}"


class NamedSources:
    """What `allow` names, when it names any, without `deny` and, with `without_internal`, what Kapa calls internal.

    `by_list`: whether the address alone may not say enough.
    """

    __slots__ = ("_allow", "_deny", "_without_internal", "by_list")

    def __init__(self, allow: Sequence[Named], deny: Sequence[Named], without_internal: bool = False) -> None:
        self._allow = tuple(map(_Matcher, allow))
        self._deny = tuple(map(_Matcher, deny))
        self._without_internal = without_internal
        self.by_list = without_internal or any(each.title for each in (*allow, *deny))

    def allows(self, source: dict[str, Any]) -> bool:
        """Whether it may be named; what has no address, and is not called internal, is no source."""
        if self._without_internal and source.get(_INTERNAL):
            return False
        url, title = source.get(_URL), source.get(_TITLE)
        if not isinstance(url, str):
            return True
        title = title if isinstance(title, str) else ""
        allowed = not self._allow or any(each.covers(_forms(url), title) for each in self._allow)
        return allowed and not any(each.covers(_spellings(url), title) for each in self._deny)

    def links(self, url: str, seen: Seen | None) -> bool:
        """Whether a text may link to it. `seen` None: the list has not come yet, so what it would have to say is not
        assumed.
        """
        spellings, forms = _spellings(url), _forms(url)
        if any(not each.titled and each.covers(spellings) for each in self._deny):
            return False
        known = {address(each) for each in spellings}
        if seen is not None and not known.isdisjoint(seen.removed):
            return False
        if seen is not None and not known.isdisjoint(seen.kept):
            return True
        if self._allow and not any(not each.titled and each.covers(forms) for each in self._allow):
            return False
        told = seen is not None
        return told or not (self._without_internal or any(each.may_cover(spellings) for each in self._deny))


class SourceRule:
    """An event rule (`kapagate.answer.rules.EventRule`) of one answer; what it saw is in `seen`."""

    __slots__ = ("_named", "seen")

    def __init__(self, named: NamedSources) -> None:
        self._named = named
        self.seen = Seen()

    def __call__(self, record: Record) -> Record:
        """The record without the sources that may not be named. Raises Refused when it is one of them itself."""
        if not isinstance(record, Sources | Other):
            return record
        if isinstance(record.value, dict) and not self._named.allows(record.value):
            raise Refused("", "source")
        moves: Moves = {}
        value = self._without(record.value, (), moves)
        if not moves:
            return record
        return record._replace(value=value, places=tuple(_moved(record.places, moves)))

    def _without(self, value: Any, path: Path, moves: Moves) -> Any:
        """The value without them; `moves` learns where the members of lists that lost some now stand."""
        if len(path) >= _DEPTH:
            return value
        if isinstance(value, dict):
            return {key: self._without(each, (*path, key), moves) for key, each in value.items()}
        if not isinstance(value, list):
            return value
        kept = [at for at, each in enumerate(value) if not isinstance(each, dict) or self._keeps(each)]
        if len(kept) < len(value):
            moves[path] = {at: new for new, at in enumerate(kept)}
        return [self._without(value[at], (*path, at), moves) for at in kept]

    def _keeps(self, source: dict[str, Any]) -> bool:
        keeps = self._named.allows(source)
        self.seen.withheld += not keeps
        if isinstance(url := source.get(_URL), str):
            (self.seen.kept if keeps else self.seen.removed).add(address(url))
        return keeps


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


def _forms(url: str) -> tuple[str, ...]:
    return url, address(url)


def _spellings(url: str) -> tuple[str, ...]:
    """An address and others that lead to the same page, as far as that can be known."""
    plain = address(url)
    scheme, mark, rest = plain.partition("://")
    other = {"http": "https", "https": "http"}.get(scheme)
    bare = rest.partition("?")[0].rstrip("/")
    same = (url, plain, f"{scheme}{mark}{bare}", f"{scheme}{mark}{bare}/")
    return (*same, *(other + each[len(scheme) :] for each in same[1:])) if mark and other else same


class _Matcher:
    __slots__ = ("_title", "_url", "titled")

    def __init__(self, named: Named) -> None:
        self._url = named.url and words_regex(_pattern(named.url))
        self._title = named.title and words_regex(_pattern(named.title))
        self.titled = bool(named.title)

    def covers(self, urls: Iterable[str], title: str = "") -> bool:
        return self.may_cover(urls) and (not self._title or self._title.match(_encoded(title)) is not None)

    def may_cover(self, urls: Iterable[str]) -> bool:
        """Whether it covers an address under some title."""
        return not self._url or any(self._url.match(_encoded(url)) is not None for url in urls)


def _pattern(glob: str) -> str:
    return r"(?s)\A" + ".*".join(_SPECIAL.sub(r"\\\1", part) for part in glob.split("*")) + r"\z"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
