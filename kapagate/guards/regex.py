"""re2 on folded texts: linear time whatever the pattern and the text. It has no types of its own, so they are here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Protocol

import re2


class Match(Protocol):
    """A match, in offsets of the whole `data`."""

    def span(self, group: int = 0) -> tuple[int, int]: ...


class Regex(Protocol):
    """A compiled pattern. `pos` is where matches may start; what lies before it still counts for `\\b`."""

    def search(self, data: bytes, pos: int = 0) -> Match | None: ...
    def match(self, data: bytes, pos: int = 0) -> Match | None: ...
    def finditer(self, data: bytes, pos: int = 0) -> Iterator[Match]: ...


RegexSet = Callable[[bytes], Sequence[int]]
"""Patterns that are looked for in one pass: the indexes of those found."""

Finder = Callable[[bytes, int], int]
"""`find(data, start)`: where the first match from `start` on begins; -1 without one."""

Searcher = Callable[[bytes, int], tuple[int, int]]
"""`search(data, start)`: the first match from `start` on; (-1, -1) without one."""

Beginning = Callable[[bytes, int, int], int]
"""`ends(data, start, end)`: where the longest match that begins at `start` ends, `end` at most; -1 without one."""

Ending = Callable[[bytes], bool]
"""Whether a text ends with what a pattern matches."""

_ANCHORED, _UNANCHORED = re2._re2.RE2.Anchor.ANCHOR_START, re2._re2.RE2.Anchor.UNANCHORED
_NEVER_FOLDED = b"\x81"  # no character folds to it
_ROOM = 1 << 25  # bytes for the automaton of many patterns


def _options() -> re2.Options:
    options = re2.Options()
    options.never_capture = True
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    return options


def regex(pattern: bytes) -> Regex:
    compiled: Regex = _compiled(pattern)
    return compiled


def words_regex(pattern: str) -> Regex:
    """On UTF-8, in either case by Unicode's simple folding; of what begins in one place, the longest."""
    options = re2.Options()
    options.case_sensitive = False
    options.longest_match = True
    options.log_errors = False
    compiled: Regex = re2.compile(pattern.encode("utf-8"), options)
    return compiled


def _compiled(pattern: bytes, room: int = 1 << 23, longest: bool = False) -> Any:
    options = _options()
    options.max_mem, options.longest_match = room, longest
    return re2.compile(pattern, options)


def finder(pattern: bytes) -> Finder:
    """The pattern's bare search. Straight into the extension: the wrapper's generator and match cost twice as much.

    Raises ValueError where the pattern is too large.
    """
    try:
        match = _compiled(pattern, _ROOM)._regexp.Match
    except re2.error as cause:
        raise ValueError(f"re2 refuses the pattern: {cause}") from cause

    def find(data: bytes, start: int) -> int:
        place: int = match(_UNANCHORED, data, start, len(data))[0][0]
        return place

    return find


def searcher(pattern: bytes) -> Searcher:
    """The pattern's bare search, for where it runs once for every candidate."""
    match = _compiled(pattern)._regexp.Match

    def search(data: bytes, start: int) -> tuple[int, int]:
        span: tuple[int, int] = match(_UNANCHORED, data, start, len(data))[0]
        return span

    return search


def matcher(pattern: bytes) -> Searcher:
    """Like `searcher`, of a match that begins at `start` itself."""
    match = _compiled(pattern)._regexp.Match

    def search(data: bytes, start: int) -> tuple[int, int]:
        span: tuple[int, int] = match(_ANCHORED, data, start, len(data))[0]
        return span

    return search


def beginning(pattern: bytes) -> Beginning:
    """The longest match at a place, for patterns of what may still go on."""
    match = _compiled(pattern, _ROOM, longest=True)._regexp.Match

    def ends(data: bytes, start: int, end: int) -> int:
        place: int = match(_ANCHORED, data, start, end)[0][1]
        return place

    return ends


def ending(pattern: bytes) -> Ending:
    """Whether a text ends with what the pattern matches: read from the end, however many words the pattern names."""
    find = finder(rb"(?:" + pattern + rb")\z")
    return lambda data: find(data, 0) >= 0


def regex_set(patterns: Iterable[bytes]) -> RegexSet:
    """A set of patterns. It costs 10 ms and is without state, so that equal ones are the same.

    Raises ValueError where the patterns are too large together: re2 would find nothing then, and not say so.
    """
    return _set_of(tuple(patterns))


@lru_cache(64)
def _set_of(patterns: tuple[bytes, ...]) -> RegexSet:
    options = _options()
    options.max_mem = _ROOM
    patterns_in_one = re2.Set.SearchSet(options)
    for pattern in (*patterns, _NEVER_FOLDED):
        patterns_in_one.Add(pattern)
    match: RegexSet = patterns_in_one._set.Match
    if not patterns_in_one._set.Compile() or len(patterns) not in match(_NEVER_FOLDED):
        raise ValueError("the patterns are too large together")
    return match
