"""Blocked terms: whole words and phrases that may not be said or asked, in any script and either case.

One automaton looks for all of them (re2, so the time does not grow with their number and stays linear in the text). A
term ends at word boundaries where its own ends are letters or digits: `pass` is not found in `passage`, `C++` is found
in `C++11`. Marks on a letter (accents as characters of their own) and joiners go on with its word, as UAX 29 has it;
punctuation does not, so that `falcon` is found in `falcon.internal`. Scripts that part no words by blanks (Chinese,
Japanese, Thai, ...) have a boundary everywhere. Blanks within a phrase stand for one to four blanks of any kind, and
letters are found composed or with their marks apart.

While a text is not complete, its last words are undecided: as many of them as the longest phrase has, and one more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from unicodedata import normalize

from kapagate.answer.events import TextKind
from kapagate.answer.rules import Edit
from kapagate.guards.personal import TEXTS, Action
from kapagate.guards.regex import words_regex

PLACEHOLDER = "<blocked>"
LONGEST = 200
_SEVERITY = 5
_BLANKS = 4
_MARKS = 4
_WORD = re.compile(r"\w+")
_MARKED = re.compile(
    r"[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u200c\u200d\u20d0-\u20f0\xad]"
)
_JOINED = re.compile(r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")


def terms_in(text: str) -> list[str]:
    """The terms of a file: one a line. Lines that begin with `#` are comments."""
    return [line for each in text.splitlines() if (line := each.strip()) and not line.startswith("#")]


class BlockedTerms:
    """The text rule (`kapagate.answer.rules.TextRule`) that redacts or refuses terms of one to `LONGEST` characters."""

    __slots__ = ("_find", "_refuse", "_words", "context", "kinds", "reach")

    def __init__(self, terms: Sequence[str], action: Action = "redact", kinds: frozenset[TextKind] = TEXTS) -> None:
        """Raises ValueError for a term that is blank or too long."""
        for term in terms:
            if not term.strip() or len(term) > LONGEST:
                raise ValueError(f"a term has 1 to {LONGEST} characters, and not blanks alone")
        forms = {form: None for term in terms for form in (term, normalize("NFC", term), normalize("NFD", term))}
        self._find = words_regex("|".join(map(_pattern, forms)))
        self._refuse = action == "refuse"
        self._words = max(len(_WORD.findall(term)) for term in forms) + 1
        self.reach = max(len(term) + _BLANKS * len(term.split()) for term in forms) + _MARKS
        self.context = _MARKS
        self.kinds = kinds

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        sure = len(text) if final else self._sure(text, start)
        if sure <= start:
            return (), start
        found = self._found(text, start)
        return [
            Edit(first, last, PLACEHOLDER, "blocked_term", _SEVERITY, self._refuse)
            for first, last in found
            if first < sure
        ], sure

    def clean(self, texts: Sequence[str]) -> bool:
        """Whether no text can hold a term; what spans two of them is taken for one."""
        return self._find.search(_encoded("\n".join(texts))) is None

    def _sure(self, text: str, start: int) -> int:
        base = max(start, len(text) - self.reach)
        words = [word.start() for word in _WORD.finditer(text, base)]
        return words[-self._words] if len(words) >= self._words else base

    def _found(self, text: str, start: int) -> Iterator[tuple[int, int]]:
        """Spans of terms that start at `start` or later, in characters."""
        data = _encoded(text)
        at, place = len(_encoded(text[:start])), start
        while (match := self._find.search(data, at)) is not None:
            begin, end = match.span()
            first = place + len(_decoded(data[at:begin]))
            found = self._whole(text, first, data[begin:end])
            place = first + (len(_decoded(found)) or 1)
            if found:
                yield first, place
            at = begin + len(found or _encoded(text[first]))

    def _whole(self, text: str, first: int, found: bytes) -> bytes:
        """Of the longest term that stands at `first`, and those that it begins with, the longest of whole words."""
        if _goes_on(text, first):
            return b""
        while _goes_on(text, first + len(_decoded(found))):
            shorter = self._find.match(found[:-1])
            if shorter is None:
                return b""
            found = found[: shorter.span()[1]]
        return found


def _pattern(term: str) -> str:
    """The term, its blanks widened. (`re.escape` escapes what re2 does not know as special.)"""
    return rf"[\s\pZ]{{1,{_BLANKS}}}".join(_SPECIAL.sub(r"\\\1", part) for part in term.split())


def _goes_on(text: str, at: int) -> bool:
    """Whether a word goes on across this place."""
    if not 0 < at < len(text):
        return False
    letter = at - 1
    while letter > max(0, at - _MARKS) and _MARKED.match(text[letter]):
        letter -= 1
    return bool(_JOINED.match(text[letter]) and (_JOINED.match(text[at]) or _MARKED.match(text[at])))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
