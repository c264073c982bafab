"""What detectors are, so that they are right on text that arrives in pieces.

**A finding is a property of the place where it starts.** Whether one starts at `s`, and where it ends, depends on the
characters from `s - before` to `s + longest` alone: not on where the search began, nor on other findings. So a search
may begin anywhere, and any cutting of a text gives the findings of the whole text. (A search that consumed what it
found, as `finditer` does, would depend on its beginning.) Findings may overlap; whoever applies them merges them.

When the text is not complete, a place is undecided only while something that starts there may still grow.
`unfinished` matches, at the end of the text, at least everything that does; `longest` bounds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import force_setattr

from kapagate.guards.regex import Finder, Searcher, finder, matcher, searcher

Span = tuple[int, int]
Check = Callable[[bytes, int, int], Span | None]
AtBound = Callable[[bytes], bool]


def _nothing(data: bytes, start: int) -> tuple[int, int]:
    """The search of no pattern."""
    return -1, -1


def _nowhere(data: bytes, start: int) -> int:
    return -1


class Detector(Struct, frozen=True, kw_only=True, eq=False):
    """One kind of personal data or secret.

    Patterns and checks work on folded texts (`fold.py`); lengths are in characters. Patterns are re2's, for they see
    the whole text. Checks see a few characters and may use `re`, which is faster there.

    - `name`; `kind`, what its findings are (its name, where nothing is said); `placeholder`, what they become;
      `severity`, who wins an overlap; `confidence`, how sure it is of a finding, from 0 to 1.
    - `pattern` finds candidates: one short part of every finding, or its beginning. It may match too often, never too
      rarely. Whether it matches anywhere decides if a text is looked at closely at all, unless `hint` says more
      exactly what a text with a finding has in it.
    - `check(data, start, end)` turns the candidate `data[start:end]` into the span of the finding, or None.
    - `unfinished` matches at the end of the text what may still become, or extend, a finding. What it matches, it
      matches of each beginning of it: what is settled stays settled.
    - `led_by`: what has to stand right before that, of `before` characters at most; asked too where `unfinished` alone
      would hold back much that can become nothing.
    - `longest`: how far from its start a finding, and what decides on it, reaches. A candidate that is longer is
      either no finding or is redacted up to there.
    - `at_bound`: whether a finding, of these characters, was as long as the detector looks, so that it may have been
      cut there. None where the form itself says how long a finding is.
    - `before`: how far to the left of a finding `pattern` and `check` look; none begins further before its candidate.
    """

    name: str
    placeholder: str
    pattern: bytes
    unfinished: bytes
    longest: int
    before: int
    check: Check
    severity: int = 1
    kind: str = ""
    confidence: float = 0.9
    hint: bytes = b""
    at_bound: AtBound | None = None
    led_by: bytes = b""
    search: Searcher = _nothing
    match: Searcher = _nothing
    _tail: Finder = _nowhere

    def __post_init__(self) -> None:
        force_setattr(self, "kind", self.kind or self.name)
        force_setattr(self, "hint", self.hint or self.pattern)
        force_setattr(self, "search", searcher(self.pattern))
        force_setattr(self, "match", matcher(self.pattern))
        force_setattr(self, "_tail", finder(rb"(?:" + self.begun + rb")\z"))

    @property
    def begun(self) -> bytes:
        """The pattern of what may still become a finding, with what leads it."""
        return rb"(?:%b)(?:%b)" % (self.led_by, self.unfinished) if self.led_by else self.unfinished

    def find(self, data: bytes, start: int, end: int) -> Iterator[Span]:
        """Findings that start in `start:end`; what is found may begin behind its candidate, or before it."""
        search, check, last = self.search, self.check, end + self.before
        first, behind = search(data, max(0, start - self.before))
        while 0 <= first < last:
            span = check(data, first, behind)
            if span is not None and start <= span[0] < end:
                yield span
            first, behind = search(data, first + 1)

    def settled(self, data: bytes, start: int) -> int:
        """The place before which nothing can change, however the text goes on."""
        tail = self._tail(data, max(0, start - self.before) if self.led_by else start)
        return len(data) if tail < 0 else max(start, len(data) - self.longest, tail)


def as_long_as(most: int) -> AtBound:
    """Findings of so many characters, and more."""
    return lambda found: len(found) >= most
