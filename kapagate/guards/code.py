"""Code in an answer's running text: what of it is removed, as it comes.

    prose   a line that opens a fence         -> fence; it and every line up to the closing one are code
            four blanks behind a blank line   -> code, line by line, beyond the text of a list's item
            backticks                         -> inline code up to as many of them in the same paragraph

Blocks are CommonMark's (0.31, 4.4 and 4.5), fences as far as `kapagate.answer.fences` says; one that is never closed
ends with the answer. A block may be longer than any bound, so where a place is in is not seen from its surroundings:
the rule remembers it, and is made for one answer. The begin of a line waits until it says what the line is, backticks
wait for their like (`kapagate.guards.code_spans`). Prose without either waits for nothing.

A block's language is the first word behind its fence. `only` names those that stay: `PLAIN` stands for blocks without
one, indented ones among them, `INLINE` for code in prose; without names all code goes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from msgspec import Struct, field

from kapagate.answer.events import TextKind
from kapagate.answer.fences import BEFORE, FENCE, INDENT, LONGEST_HEAD, OPENING, closes
from kapagate.answer.rules import Edit
from kapagate.guards.code_spans import LONGEST, SEVERITY, Spans
from kapagate.guards.languages import INLINE, PLAIN, language

PLACEHOLDER = "[code removed]\n"
_LANGUAGE = re.compile(r"[ \t{.]*([\w+#-]+)")
_MAY_OPEN = re.compile(rf"{BEFORE}(?:(?:[-*+]|\d{{1,9}}[.)]?)[ \t]{{0,4}}){{0,3}}(?:`{{0,{FENCE}}}|~{{0,{FENCE}}})")
_MAY_CLOSE = re.compile(rf"{BEFORE}(?:`{{0,{FENCE}}}|~{{0,{FENCE}}})[ \t\r]{{0,{INDENT}}}")
_BLANK = re.compile(rf"[ \t>\r]{{0,{2 * INDENT}}}")
_QUOTE = re.compile(r"(?: {0,3}>)+ ?")
_ITEM = re.compile(r"([-*+]|\d{1,9}[.)])([ \t]+|$)")
_INDENTED = re.compile(r"(?:^|\n)[ >]*(?: {4}|\t)")


class _Place(Struct):
    """Where in its text a rule stands. `line`: what the line is that was begun. `fence`: the open one, `kept` whether
    it stays. `blank`: no paragraph goes on here. `indented`: the last line was code. `items`: where the texts of the
    lists' items begin, in columns.
    """

    line: str = ""
    fence: str = ""
    kept: bool = False
    blank: bool = True
    indented: bool = False
    items: list[int] = field(default_factory=list)
    spans: Spans = field(default_factory=Spans)


class CodeBlocks:
    """The text rule (`kapagate.answer.rules.TextRule`) that removes code from one answer."""

    __slots__ = ("_inline", "_only", "_place", "_plain", "context", "kinds", "reach")

    def __init__(self, only: Collection[str] = ()) -> None:
        self._only = frozenset(map(language, only))
        self._plain, self._inline = PLAIN in self._only, INLINE in self._only
        self._place = _Place()
        self.reach = max(LONGEST_HEAD, LONGEST + 2 * FENCE + INDENT)
        self.context = 8
        self.kinds: frozenset[TextKind] = frozenset({"answer"})

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        place = self._place if start else _Place()
        edits: list[Edit] = []
        at = start
        while at < len(text) and (end := self._step(text, at, final, place, edits)) > at:
            at = end
        if start or not final:
            self._place = place
        return edits, at

    def clean(self, texts: Sequence[str]) -> bool:
        return not any("`" in text or "~~~" in text or _INDENTED.search(text) for text in texts)

    def _step(self, text: str, at: int, final: bool, place: _Place, edits: list[Edit]) -> int:
        """Goes on from `at` to where it stands then; stays where it is when more has to come first."""
        opens = ""
        if not place.line:
            line = self._begun(text, at, final, place)
            if not line:
                return at
            opens = PLACEHOLDER if line == "opens" else ""
            place.line = "code" if opens else line
        if place.line == "prose":
            return self._prose(text, at, final, place, edits)
        end = text.find("\n", at) + 1
        if place.line == "code":
            edits.append(Edit(at, end or len(text), opens, "code", SEVERITY, goes_on=not opens))
        if end:
            place.line = ""
        return end or len(text)

    @staticmethod
    def _prose(text: str, at: int, final: bool, place: _Place, edits: list[Edit]) -> int:
        end = place.spans.read(text, at, final, edits)
        if end > at and text[end - 1] == "\n" and not place.spans.open:
            place.line = ""
        return end

    def _begun(self, text: str, at: int, final: bool, place: _Place) -> str:
        """What the line is that begins here: `prose`, `kept`, `code`, `opens` (the first of what is removed); empty
        when that is not seen yet.
        """
        end = text.find("\n", at)
        line, ended = text[at : end if end >= 0 else len(text)], end >= 0 or final
        if place.fence:
            return self._fenced(line, ended, place)
        if not ended and (_MAY_OPEN.fullmatch(line) or _BLANK.fullmatch(line)) and len(line) < LONGEST_HEAD:
            return ""
        opening = OPENING.match(line)
        if opening is None:
            return self._unfenced(line, place)
        if not ended and len(line) < LONGEST_HEAD:
            return ""
        named = _LANGUAGE.match(line, opening.end())
        place.fence = opening[2]
        place.kept = language(named[1] if named else PLAIN) in self._only
        place.indented = False
        return "kept" if place.kept else "opens"

    @staticmethod
    def _fenced(line: str, ended: bool, place: _Place) -> str:
        if not ended and _MAY_CLOSE.fullmatch(line):
            return ""
        if ended and closes(line, place.fence):
            place.fence, place.blank = "", True
        return "kept" if place.kept else "code"

    def _unfenced(self, line: str, place: _Place) -> str:
        if _BLANK.fullmatch(line):
            place.blank = True
            return "kept"
        quoted = _QUOTE.match(line)
        text = line[quoted.end() :] if quoted else line
        indent = _columns(text)
        base = _base(place, indent) if not quoted else 0
        if (place.blank or place.indented) and indent >= base + 4:
            first, place.indented, place.blank = not place.indented, True, False
            return "kept" if self._plain else "opens" if first else "code"
        place.indented, place.blank = False, indent < 4 and text.lstrip().startswith("#")
        if not quoted and indent <= INDENT and (item := _ITEM.match(text.lstrip())):
            blanks = len(item[2])
            place.items.append(indent + len(item[1]) + (blanks if 0 < blanks <= 4 else 1))
        return "prose" if not self._inline else "kept"


def _columns(text: str) -> int:
    column = 0
    for character in text:
        if character == " ":
            column += 1
        elif character == "\t":
            column += 4 - column % 4
        else:
            break
    return column


def _base(place: _Place, indent: int) -> int:
    """Where the text of the item begins that a line is in. A paragraph that goes on stays in its item."""
    if place.blank:
        while place.items and indent < place.items[-1]:
            place.items.pop()
    return place.items[-1] if place.items else 0
