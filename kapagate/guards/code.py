"""Code blocks in an answer's running text: fences (CommonMark 0.31, 4.5), removed line by line as they come.

    outside   a line that begins a fence        -> inside; the placeholder stands in its place
    inside    a line that is the closing fence  -> outside; every line up to it is removed

A fence may be longer than any bound, so whether a place is inside one is not seen from its surroundings: the rule
remembers it, and is made for one answer. A line waits for its end only while it may still be a fence. Fences may be
indented and quoted (`>`) as far as `INDENT`, as those in lists are. One that is never closed ends with the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kapagate.answer.events import TextKind
from kapagate.answer.rules import Edit

PLACEHOLDER = "[code removed]\n"
FENCE = 64
INDENT = 32
_SEVERITY = 2
_BEFORE = rf"[ \t>]{{0,{INDENT}}}"
_OPENING = re.compile(rf"{_BEFORE}(`{{3,{FENCE}}}|~{{3,{FENCE}}})")
_MAY_CLOSE = re.compile(rf"{_BEFORE}(?:`{{0,{FENCE}}}|~{{0,{FENCE}}})[ \t\r]{{0,{INDENT}}}")


class CodeBlocks:
    """The text rule (`kapagate.answer.rules.TextRule`) that removes fenced code from one answer."""

    __slots__ = ("_fence", "context", "kinds", "reach")

    def __init__(self) -> None:
        self._fence = ""
        self.reach = FENCE + 2 * INDENT
        self.context = 1
        self.kinds: frozenset[TextKind] = frozenset({"answer"})

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        fence = self._fence if start else ""
        edits: list[Edit] = []
        at = start
        while at < len(text):
            end = text.find("\n", at) + 1
            if not end:
                if not final and _MAY_CLOSE.fullmatch(text, at) and (at == 0 or text[at - 1] == "\n"):
                    break
                end = len(text)
            fence = _line(text, at, end, fence, edits)
            at = end
        if start or not final:
            self._fence = fence
        return edits, at

    def clean(self, texts: Sequence[str]) -> bool:
        return not any("```" in text or "~~~" in text for text in texts)


def _line(text: str, at: int, end: int, fence: str, edits: list[Edit]) -> str:
    """Notes what is removed of a line, or of the rest of one, `text[at:end]`. Returns the fence that is open then."""
    begins = at == 0 or text[at - 1] == "\n"
    if fence:
        edits.append(Edit(at, end, "", "code", _SEVERITY))
        return "" if begins and _closes(text[at:end], fence) else fence
    opening = _OPENING.match(text, at, end) if begins else None
    if opening is None:
        return ""
    edits.append(Edit(at, end, PLACEHOLDER, "code", _SEVERITY))
    return opening[1]


def _closes(line: str, fence: str) -> bool:
    """A closing fence is of the same marks, at least as long, and has nothing behind it."""
    return fence in line and _MAY_CLOSE.fullmatch(line.removesuffix("\n")) is not None
