"""Links in a text to sources that may not be named: the address leaves, the words stay.

`[text](address)` becomes `[text]`, and an address by itself `[link removed]`. Addresses are those with `scheme://`,
and those that begin with `www.` or, in a Markdown link, with `//`. A piece that ends within what may become one waits
for the rest of it, up to `LONGEST` characters: one that is longer is removed, whatever it is.

Titles, and what Kapa calls internal, stand in the list of sources alone. Where that has come before the text is looked
at (a whole answer, one that is held to its end) links are judged by it; where the text flows, a link stays only when
its address alone says that it may.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kapagate.answer.events import TextKind
from kapagate.answer.rules import Edit
from kapagate.guards.personal import TEXTS
from kapagate.guards.sources import NamedSources, Seen

PLACEHOLDER = "[link removed]"
LONGEST = 2048
_SEVERITY = 90
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]{1,31}"
_WHOLE = rf"(?<![A-Za-z0-9+.-]){_SCHEME}://|(?<![\w.-])[wW]{{3}}\."
_BEGIN = re.compile(rf"(?P<mark>\]\([ \t]{{0,2}}<?|<)?(?:{_WHOLE})|(?P<link>\]\(<?)//")
_MAY_BEGIN = re.compile(rf"(?:\](?:\([ \t]{{0,2}}<?)?|<)?(?:(?<![A-Za-z0-9+.-])(?:{_SCHEME}|[A-Za-z]):?/?|/)?\Z")
_ADDRESS = re.compile(r"[^\s<>\"`{}|\\^\[\]]*")
_PARENTHESES = re.compile(r"[()]")
_NOT_LAST = ".,;:!?'*_~"


class SourceLinks:
    """The text rule (`kapagate.answer.rules.TextRule`) on the links of one answer."""

    __slots__ = ("_named", "_seen", "_within", "context", "kinds", "reach")

    def __init__(self, named: NamedSources, seen: Seen | None) -> None:
        """`seen` None: the text flows, and its sources come when they come."""
        self._named = named
        self._seen = seen
        self._within = False
        self.reach = LONGEST + 64
        self.context = 40
        self.kinds: frozenset[TextKind] = TEXTS

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        edits: list[Edit] = []
        at, within = start, self._within if start else False
        if within:
            at = _rest(text, at)
            within = at == len(text)
            if at > start:
                edits.append(Edit(start, at, "", "link", _SEVERITY, goes_on=True))
        while not within and (begin := _BEGIN.search(text, at)) is not None:
            end = _end_of(text, begin.end())
            if end - begin.start() > LONGEST:
                end = _rest(text, begin.end())
                within = end == len(text)
                edits.append(Edit(begin.start(), end, PLACEHOLDER, "link", _SEVERITY, at_bound=True))
            elif not final and len(text) - end < 2:
                return self._waiting(edits, begin.start(), start, final)
            elif not self._links(text, begin, end):
                first, end, becomes = _span(text, begin, end)
                edits.append(Edit(first, end, becomes, "link", _SEVERITY))
            at = end
        if start or not final:
            self._within = within
        if not final and not within and (begin := _MAY_BEGIN.search(text, max(at, len(text) - 80))) is not None:
            return edits, max(at, begin.start())
        return edits, len(text)

    def clean(self, texts: Sequence[str]) -> bool:
        return not any("//" in text or "www." in text.lower() for text in texts)

    def _waiting(self, edits: list[Edit], at: int, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        if start or not final:
            self._within = False
        return edits, at

    def _links(self, text: str, begin: re.Match[str], end: int) -> bool:
        url = text[_first(begin) : end].rstrip(_NOT_LAST)
        if url.startswith("//"):
            url = f"https:{url}"
        elif "://" not in begin[0]:
            url = f"https://{url}"
        return self._named.links(url, self._seen)


def _first(begin: re.Match[str]) -> int:
    """Where the address itself begins."""
    return max(begin.end("mark"), begin.end("link"), begin.start())


def _end_of(text: str, at: int) -> int:
    """Where an address ends that goes on at `at`: before a parenthesis that was not opened in it, too."""
    end, depth = _rest(text, at), 0
    for found in _PARENTHESES.finditer(text, at, end):
        depth += 1 if found[0] == "(" else -1
        if depth < 0:
            return found.start()
    return end


def _rest(text: str, at: int) -> int:
    found = _ADDRESS.match(text, at)
    return found.end() if found else at


def _span(text: str, begin: re.Match[str], end: int) -> tuple[int, int, str]:
    """What leaves with an address, and what stands there instead."""
    before = begin["mark"] or begin["link"] or ""
    if before.startswith("]") and text[end : end + 1 + before.count("<")] == ">" * before.count("<") + ")":
        return begin.start() + 1, end + 1 + before.count("<"), ""
    if before == "<" and text[end : end + 1] == ">":
        return begin.start(), end + 1, PLACEHOLDER
    first = _first(begin)
    return first, first + len(text[first:end].rstrip(_NOT_LAST)), PLACEHOLDER
