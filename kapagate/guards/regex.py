"""re2 on folded texts: linear time whatever the pattern and the text. It has no types of its own, so they are here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import re2  # type: ignore[import-untyped, unused-ignore]  # google-re2 ships no types


class Match(Protocol):
    """A match, in offsets of the whole `data`."""

    def span(self, group: int = 0) -> tuple[int, int]: ...


class Regex(Protocol):
    """A compiled pattern. `pos` is where matches may start; what lies before it still counts for `\\b`."""

    def search(self, data: bytes, pos: int = 0) -> Match | None: ...
    def match(self, data: bytes, pos: int = 0) -> Match | None: ...
    def finditer(self, data: bytes, pos: int = 0) -> Iterator[Match]: ...


class RegexSet(Protocol):
    """Patterns that are looked for in one pass. `Match` returns the indexes of those found, or None."""

    def Match(self, data: bytes) -> list[int] | None: ...  # noqa: N802  # re2's name


def _options() -> re2.Options:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    return options


def regex(pattern: bytes) -> Regex:
    compiled: Regex = re2.compile(pattern, _options())
    return compiled


def regex_set(patterns: Iterable[bytes]) -> RegexSet:
    """A set of patterns. Keep them short: re2 sets have no fallback when their automaton outgrows its memory."""
    patterns_in_one = re2.Set.SearchSet(_options())
    for pattern in patterns:
        patterns_in_one.Add(pattern)
    patterns_in_one.Compile()
    compiled: RegexSet = patterns_in_one
    return compiled
