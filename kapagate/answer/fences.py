"""Fenced code blocks (CommonMark 0.31, 4.5) in a text that comes in pieces: whether one is open, and what closes it.

Fences may be indented, quoted (`>`) and the first thing of a list's item, as far as the bounds here go.
"""

from __future__ import annotations

import re

FENCE = 64
INDENT = 32
INFO = 100
BEFORE = rf"[ \t>]{{0,{INDENT}}}"
_ITEM = r"(?:(?:[-*+]|\d{1,9}[.)])[ \t]{1,4}){0,3}"
OPENING = re.compile(rf"({BEFORE}{_ITEM})(`{{3,{FENCE}}}(?!`)(?![^`\n]{{0,{INFO}}}`)|~{{3,{FENCE}}})")
"""The beginning of a line that opens a block: what stands before the fence, and the fence. (Backticks behind backticks
are inline code.)
"""
CLOSING = re.compile(rf"{BEFORE}(?:`{{3,{FENCE}}}|~{{3,{FENCE}}})[ \t\r]{{0,{INDENT}}}")
LONGEST_HEAD = 4 * INDENT + FENCE + INFO
_NO_INDENT = re.compile(r"[^ \t>]")


def closes(line: str, fence: str) -> bool:
    """Whether a line without its end closes a block: marks of the same kind, at least as many, nothing behind them."""
    return fence in line and CLOSING.fullmatch(line) is not None


class Fences:
    """Fed with a text piece by piece, it knows whether its end is within a block."""

    __slots__ = ("_before", "_fence", "_line")

    def __init__(self) -> None:
        self._before = self._fence = self._line = ""

    def feed(self, text: str) -> None:
        """The text goes on. Nearly always nothing is open and there is no mark in it."""
        *lines, last = text.split("\n") if "\n" in text else (text,)
        for line in lines:
            self._before, self._fence = self._after(self._line + line)
            self._line = ""
        if len(self._line) < LONGEST_HEAD:
            self._line = (self._line + last)[:LONGEST_HEAD]

    @property
    def closing(self) -> str:
        """The lines that close the open block; empty when none is open."""
        before, fence = self._after(self._line)
        if not fence:
            return ""
        return ("\n" if self._line else "") + _NO_INDENT.sub(" ", before) + fence + "\n"

    def _after(self, line: str) -> tuple[str, str]:
        """What stands before the open fence, and it, after a line."""
        if self._fence:
            return ("", "") if closes(line, self._fence) else (self._before, self._fence)
        if "```" not in line and "~~~" not in line:
            return "", ""
        opening = OPENING.match(line)
        return (opening[1], opening[2]) if opening else ("", "")
