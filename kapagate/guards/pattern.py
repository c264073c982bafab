"""Patterns that a policy writes, read as far as their use on streams needs.

re2 says where a pattern matches, but not where a match may still come of the end of a text. So a pattern is read here,
part by part. Of each part three things are known: what it is in re2's words, how many characters it matches at least
and at most, and a pattern of its **beginnings**: everything that a match can begin with, all of it included. Those of
a sequence `ab` are those of `a`, or `a` and those of `b`; those of `a{2,5}` are up to four `a` and those of one more.
Looked for at the end of a text, the beginnings say what must wait.

What re2 does not know is refused (look-around, references back), and so is what asks where a text begins or ends:
a text that comes in pieces has no such places.
"""

from __future__ import annotations

import re

from msgspec import Struct

from kapagate.guards.fold import fold
from kapagate.guards.regex import regex

_CLASSES = b"dDwWsS"
_BOUNDARIES = b"bB"
_CONTROLS = b"ntrfv"
_NO_PLACES = (
    "`^`, `$`, `\\A` and `\\z` have no sense in a text that comes in pieces; say `\\b`, or what stands around it"
)
_COUNT = re.compile(rb"\{(\d{1,4})(,?)(\d{0,4})\}")
_SET = re.compile(rb"\[\^?\]?(?:[^\]\\\[]|\\[dDwWsSntrfv]|\\[^A-Za-z0-9]|\[(?!:))*\]")
_MOST_REPEATS = 1000


class Pattern(Struct, frozen=True):
    """A pattern on folded texts (`fold.py`). `shortest` and `longest` are in characters; None: without bound.
    `beginnings` is empty where nothing is read, as of `\\b`.
    """

    source: bytes
    beginnings: bytes = b""
    shortest: int = 0
    longest: int | None = 0

    def __add__(self, then: Pattern) -> Pattern:
        rest = self.source + then.beginnings if then.beginnings else b""
        beginnings = b"|".join(filter(None, (self.beginnings, rest)))
        longest = None if self.longest is None or then.longest is None else self.longest + then.longest
        both = self.source + then.source
        return Pattern(both, beginnings and rb"(?:%b)" % beginnings, self.shortest + then.shortest, longest)

    def __or__(self, other: Pattern) -> Pattern:
        beginnings = b"|".join(filter(None, (self.beginnings, other.beginnings)))
        longest = None if self.longest is None or other.longest is None else max(self.longest, other.longest)
        either = rb"(?:%b|%b)" % (self.source, other.source)
        return Pattern(either, beginnings and rb"(?:%b)" % beginnings, min(self.shortest, other.shortest), longest)

    def repeated(self, least: int, most: int | None, lazy: bytes) -> Pattern:
        times = b"{%d,%b}" % (least, b"" if most is None else b"%d" % most)
        before = b"*" if most is None else b"{0,%d}" % max(most - 1, 0)
        longest = 0 if most == 0 else None if most is None or self.longest is None else self.longest * most
        beginnings = rb"(?:%b)%b%b" % (self.source, before, self.beginnings) if self.beginnings else b""
        return Pattern(rb"(?:%b)%b%b" % (self.source, times, lazy), beginnings, self.shortest * least, longest)

    def in_either_case(self) -> Pattern:
        beginnings = self.beginnings and rb"(?i:%b)" % self.beginnings
        return Pattern(rb"(?i:%b)" % self.source, beginnings, self.shortest, self.longest)


def read_pattern(text: str) -> Pattern:
    """The pattern that a text is, in re2's syntax. Raises ValueError with the reason when it cannot be used."""
    if any(ord(character) > 0xFF for character in text):
        raise ValueError("a pattern is of ASCII and Latin-1: letters of other scripts that look like them are read so")
    reader = _Reader(fold(text))
    pattern = reader.whole()
    if pattern.shortest == 0:
        raise ValueError("it matches where nothing stands")
    try:
        regex(pattern.source)
        regex(pattern.beginnings)
    except Exception as cause:
        raise ValueError(f"re2 refuses it: {cause}") from cause
    return pattern


class _Reader:
    """Recursive descent over a pattern: alternatives of sequences of repeated parts."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def whole(self) -> Pattern:
        either_case = self._taken(b"(?i)")
        pattern = self._alternatives()
        if self._at < len(self._data):
            raise self._wrong("a `)` without its `(`")
        return pattern.in_either_case() if either_case else pattern

    def _alternatives(self) -> Pattern:
        pattern = self._sequence()
        while self._taken(b"|"):
            pattern = pattern | self._sequence()
        return pattern

    def _sequence(self) -> Pattern:
        """From the last part to the first, so that each stands once in the beginnings."""
        parts = []
        while self._at < len(self._data) and self._next() not in (b"|", b")"):
            parts.append(self._repeated())
        pattern = Pattern(b"")
        for part in reversed(parts):
            pattern = part + pattern
        return pattern

    def _repeated(self) -> Pattern:
        part = self._part()
        times = self._times()
        if times is None:
            return part
        least, most = times
        if part.longest == 0:
            raise self._wrong("what matches nothing is repeated")
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and most < least):
            raise self._wrong(f"a part can be repeated {_MOST_REPEATS} times, at least as often as it must be")
        return part.repeated(least, most, b"?" if self._taken(b"?") else b"")

    def _times(self) -> tuple[int, int | None] | None:
        for sign, least, most in ((b"?", 0, 1), (b"*", 0, None), (b"+", 1, None)):
            if self._taken(sign):
                return least, most
        found = _COUNT.match(self._data, self._at)
        if found is None:
            return None
        self._at = found.end()
        least = int(found[1])
        return least, int(found[3]) if found[3] else None if found[2] else least

    def _part(self) -> Pattern:
        sign = self._next()
        if sign == b"(":
            return self._group()
        if sign == b"[":
            return self._set()
        self._at += 1
        if sign == b"\\":
            return self._escaped()
        if sign in (b"^", b"$"):
            raise self._wrong(_NO_PLACES)
        if sign in (b"*", b"+", b"?"):
            raise self._wrong("nothing stands before the sign of a repetition")
        return _one(sign if sign == b"." else re.escape(sign))

    def _group(self) -> Pattern:
        either_case = self._taken(b"(?i:")
        if not (either_case or self._taken(b"(?:")):
            self._at += 1
            if self._next() == b"?":
                raise self._wrong("look-around, names and flags of groups are not known; say `(?:...)` or `(?i:...)`")
        pattern = self._alternatives()
        if not self._taken(b")"):
            raise self._wrong("a `(` without its `)`")
        whole = Pattern(rb"(?:%b)" % pattern.source, pattern.beginnings, pattern.shortest, pattern.longest)
        return whole.in_either_case() if either_case else whole

    def _set(self) -> Pattern:
        found = _SET.match(self._data, self._at)
        if found is None:
            raise self._wrong("a `[` that is not understood")
        self._at = found.end()
        return _one(found[0])

    def _escaped(self) -> Pattern:
        sign = self._next()
        self._at += 1
        if sign and sign in _BOUNDARIES:
            return Pattern(b"\\" + sign)
        if sign in (b"A", b"z", b"Z"):
            raise self._wrong(_NO_PLACES)
        if not sign or (sign.isalnum() and sign not in _CLASSES + _CONTROLS):
            raise self._wrong(f"`\\{sign.decode('latin-1')}` is not known")
        return _one(b"\\" + sign)

    def _next(self) -> bytes:
        return self._data[self._at : self._at + 1]

    def _taken(self, word: bytes) -> bool:
        taken = self._data.startswith(word, self._at)
        self._at += len(word) if taken else 0
        return taken

    def _wrong(self, why: str) -> ValueError:
        return ValueError(f"{why} (character {min(self._at, len(self._data))})")


def _one(source: bytes) -> Pattern:
    return Pattern(source, source, 1, 1)
