"""Inline code in prose (CommonMark 0.31, 6.1): from backticks to as many of them in the same paragraph.

Backticks wait for their like, for the paragraph's end - then they are a sign like any other - or for `LONGEST`
characters. Then nobody can know, and it is decided the safe way: everything up to their like, or to the paragraph's
end, is code.
"""

from __future__ import annotations

import re

from kapagate.answer.fences import BEFORE, FENCE, INDENT
from kapagate.answer.rules import Edit

LONGEST = 400
PLACEHOLDER = "[code removed]"
SEVERITY = 100
"""Code is removed piece by piece as it comes. What else is found in it must not show where the pieces ended."""
_STOP = re.compile(r"`+|\n")
_END = re.compile(rf"(`+)|\n(?:[ \t>\r]{{0,{INDENT}}}\n|{BEFORE}(?:```|~~~))")
_UNSURE = re.compile(rf"\n(?:[ \t>\r]{{0,{INDENT}}}|{BEFORE}(?:`{{0,2}}|~{{0,2}}))\Z")
_BACKSLASHES = re.compile(r"\\{1,7}\Z")
_NOT_YET, _NONE, _TOO_LONG = -1, 0, -2


class Spans:
    """Inline code in one running text. `open`: how many backticks end the code that is too long to wait for."""

    __slots__ = ("_within_run", "open")

    def __init__(self) -> None:
        self.open = 0
        self._within_run = False

    def read(self, text: str, at: int, final: bool, edits: list[Edit]) -> int:
        """Reads on in prose from `at`, notes code in `edits`, and returns the place that it came to: behind the line,
        or behind code, at the text's end, or where it has to wait.
        """
        if self.open:
            return self._read_open(text, at, final, edits)
        if self._within_run:
            at = _behind_run(text, at)
            if at == len(text):
                return at
            self._within_run = False
        while (stop := _STOP.search(text, at)) is not None:
            if stop[0] == "\n":
                return stop.end()
            first, end = stop.span()
            if end - first > FENCE:
                self._within_run = end == len(text)
                return end
            if end == len(text) and not final:
                return first
            first += _is_escaped(text, first)
            at = self._read_span(text, first, end, final, edits) if first < end else end
            if at != end:
                return at
        return len(text)

    def _read_span(self, text: str, first: int, end: int, final: bool, edits: list[Edit]) -> int:
        """From the backticks at `first:end`; returns `end` when they are signs like any other."""
        closed = _closed(text, end, end - first, final)
        if closed == _NOT_YET:
            return first
        if closed == _TOO_LONG:
            self.open = end - first
            edits.append(Edit(first, end, PLACEHOLDER, "code", SEVERITY, at_bound=True))
            return self._read_open(text, end, final, edits) if end < len(text) else end
        if closed == _NONE:
            return end
        edits.append(Edit(first, closed, PLACEHOLDER, "code", SEVERITY))
        return closed

    def _read_open(self, text: str, at: int, final: bool, edits: list[Edit]) -> int:
        end = self._open_until(text, at, final)
        last = end - 1 if end and text[end - 1] == "\n" and not self.open else end
        if last > at:
            edits.append(Edit(at, last, "", "code", SEVERITY, goes_on=True))
        return end

    def _open_until(self, text: str, at: int, final: bool) -> int:
        """Up to where it is surely code; `open` is 0 when it ends there."""
        unsure = None if final else _UNSURE.search(text, at)
        last = unsure.start() if unsure else len(text)
        for found in _END.finditer(text, at):
            if not found[1]:
                self.open = 0
                return found.start() + 1
            if found.end() == len(text) and not final:
                return min(last, found.start())
            if len(found[1]) == self.open:
                self.open = 0
                return found.end()
        return last


def _closed(text: str, at: int, ticks: int, final: bool) -> int:
    """Behind the backticks that close code which began before `at`; `_NONE`, `_NOT_YET` or `_TOO_LONG`."""
    last = at + LONGEST
    for found in _END.finditer(text, at, last + 1):
        if found.end() > last:
            return _TOO_LONG
        if not found[1]:
            return _NONE
        if found.end() == len(text) and not final:
            return _NOT_YET
        if len(found[1]) == ticks:
            return found.end()
    if len(text) > last:
        return _TOO_LONG
    return _NONE if final else _NOT_YET


def _is_escaped(text: str, at: int) -> bool:
    slashes = _BACKSLASHES.search(text[max(0, at - 7) : at])
    return slashes is not None and len(slashes[0]) % 2 == 1


def _behind_run(text: str, at: int) -> int:
    while at < len(text) and text[at] == "`":
        at += 1
    return at
