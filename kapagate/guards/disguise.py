"""What stands between the characters of a value so that it is read by people and missed by patterns.

Characters that are not seen, percent-encoding, HTML entities, and Markdown marks inside a number or beside an `@`: a
view is the folded text without them, and knows where each of its characters stands in the original. So findings are
looked for in the view and replaced in the original. Texts without any have no view, and pay for one pattern of a set.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from html.entities import html5

from kapagate.guards.detector import Detector, Span
from kapagate.guards.fold import UNSEEN

SLACK = 128
"""The most characters of disguise that are looked behind, in one finding and before it; `stretched.py` has the rest."""
LONGEST_TOKEN = 16

_NAMES = (
    *("commat", "period", "hyphen", "dash", "lpar", "rpar", "plus", "nbsp", "shy", "zwj", "zwnj", "colon", "sol"),
    *("lowbar", "NoBreak", "ZeroWidthSpace", "ensp", "emsp", "thinsp", "num", "equals"),
)
_ENTITY = rb"&(?:#0{0,4}\d{2,3}|#[xX]0{0,4}[0-9A-Fa-f]{2}|" + "|".join(_NAMES).encode() + rb");"
_PERCENT = rb"%(?:2[08BDEFbdef]|29|3[0-9ACEace]|4[0-9A-Fa-f]|5[0-9ABDFabdf]|6[1-9A-Fa-f]|7[0-9ABDabd])"
_MARKS = rb"[*_~`]{1,3}"
_GAP = rb"[ .-]"
_TOKEN = re.compile(
    UNSEEN + rb"+|" + _PERCENT + rb"|" + _ENTITY + rb"|\\(?=[-+.()@_])"
    rb"|(?<=\d)" + _MARKS + rb"(?=" + _GAP + rb"?\d)|(?<=\d" + _GAP + rb")" + _MARKS + rb"(?=\d)"
    rb"|" + _MARKS + rb"(?=@)|(?<=@)" + _MARKS
)
HINT = (
    UNSEEN + rb"|" + _PERCENT + rb"|" + _ENTITY + rb"|\\[-+.()@_]|\d" + _MARKS + _GAP + rb"?\d|\d" + _GAP + _MARKS
    + rb"\d|[*_~`]@|@[*_~`]"
)  # fmt: skip
PART = UNSEEN + rb"+|%[0-9A-Fa-f]{0,2}|&[#A-Za-z0-9]{0,14};?|[*_~`]{1,3}[ .-]?|\\"
"""At the end of a text: what may still become a disguise, or is one."""


@lru_cache(1024)
def _plain(token: bytes) -> bytes:
    """The character that a token stands for; none for marks and what is not seen."""
    if token.startswith(b"%"):
        return bytes((int(token[1:], 16),))
    if not token.startswith(b"&"):
        return b""
    if token[1:2] != b"#":
        return _ascii(html5[token[1:].decode()])
    return _ascii(chr(int(token[3:-1], 16) if token[2:3] in b"xX" else int(token[2:-1])))


def _ascii(text: str) -> bytes:
    if text in ("\xad", "\u200b", "\u200c", "\u200d", "\u2060"):
        return b""
    return text.encode("ascii") if text.isascii() else b"-" if text == "\u2010" else b" "


class View:
    """A folded text as it is read. Positions of the original and of the view are told apart by their functions.

    `breaks` are the places behind more than `SLACK` characters that are not seen. What stands before them is too far to
    the left to decide on what begins there; what begins before them goes on.
    """

    __slots__ = ("_at", "_shifts", "_starts", "_widths", "breaks", "data")

    def __init__(self, original: bytes) -> None:
        self._at, self._shifts, self._starts = [0], [0], [0]
        self._widths: dict[int, int] = {}
        self.breaks: list[int] = []
        pieces, last, shift, seen = [], 0, 0, 0
        for token in _TOKEN.finditer(original):
            first, end = token.span()
            plain = _plain(token[0])
            pieces += [original[last:first], plain]
            if plain:
                self._widths[first - shift] = end - first
            place = first - shift + len(plain)
            shift += end - first - len(plain)
            seen = end if plain else first if first > last else seen
            last = end
            if end - seen > SLACK and place not in self.breaks[-1:]:
                self.breaks.append(place)
            self._at.append(place)
            self._shifts.append(shift)
            self._starts.append(end)
        self.data = b"".join((*pieces, original[last:]))

    def original(self, place: int) -> int:
        """Where the character at `place` of the view begins in the original."""
        return place + self._shift(place)

    def _shift(self, place: int) -> int:
        return self._shifts[bisect_right(self._at, place) - 1]

    def place(self, original: int) -> int:
        """The first place of the view that is not before `original`."""
        at = bisect_right(self._starts, original) - 1
        place = original - self._shifts[at]
        return min(place, self._at[at + 1]) if at + 1 < len(self._at) else min(place, len(self.data))

    def end(self, place: int) -> int:
        """Where the character before `place` ends in the original."""
        return self.original(place - 1) + self._widths.get(place - 1, 1)

    @property
    def disguise(self) -> int:
        """How many characters of the original are none of the view."""
        return self._shifts[-1]

    def crowded(self, first: int, last: int, look: int) -> Iterator[tuple[int, int]]:
        """Places of `first:last`, and the first behind each with more than `SLACK` characters of disguise between them.

        At most `look` places behind it.
        """
        segment, dense = bisect_right(self._at, first) - 1, 0
        while segment < len(self._at) and self._at[segment] < last:
            most = self._shifts[segment] + SLACK
            dense = bisect_right(self._shifts, most, max(dense, segment))
            if dense == len(self._at):
                return
            crowded, behind = self._at[dense], self._at[segment + 1]
            for place in range(max(first, self._at[segment], crowded - look), min(last, behind)):
                yield place, crowded
            segment += 1

    def find(self, detector: Detector, start: int, end: int) -> Iterator[Span]:
        """Findings that start in `start:end`, all in the original.

        Each is decided by the original around it, as far as `SLACK` and the detector's own lengths go: so it is a
        property of its place here too.
        """
        first = self.place(max(0, start - detector.before - SLACK))
        for place in self._candidates(detector, first, self.place(end + detector.before + SLACK)):
            near = self.original(place)
            left = self.left(place, detector.before)
            span = _checked(detector, self.data[left : self.place(near + detector.longest + SLACK)], place - left)
            if span is not None and start <= (begin := self.original(left + span[0])) < end:
                yield begin, self.end(left + span[1])

    def _candidates(self, detector: Detector, first: int, last: int) -> Iterator[int]:
        """Places from `first` to `last` where a finding's candidate may begin."""
        yield from self.breaks[bisect_left(self.breaks, first) : bisect_right(self.breaks, last)]
        place = detector.search(self.data, first)[0]
        while 0 <= place <= last:
            yield place
            place = detector.search(self.data, place + 1)[0]

    def left(self, place: int, before: int) -> int:
        """The first place that has a say in what begins at `place`, of `before` characters to its left."""
        at = bisect_right(self.breaks, place)
        return max(self.place(max(0, self.original(place) - before - SLACK)), self.breaks[at - 1] if at else 0)


def _checked(detector: Detector, data: bytes, place: int) -> Span | None:
    first, behind = detector.match(data, place)
    return None if first < 0 else detector.check(data, first, behind)
