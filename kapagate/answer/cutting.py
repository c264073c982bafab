"""Where a text that becomes too long is cut: at a sentence, else at a word, never inside a letter or a link.

       0                       limit - NEAR              limit - WORD        limit
       | nothing is looked at  | a link may begin here   | the cut is here   |

The cut follows from the first `limit + 1` characters alone. It stands behind the last sentence of the last `WORD`
characters, else behind their last word; words end before white space, and between any two letters of scripts that
part no words by blanks. Without either (one endless token) it stands at the limit - or, under a limit shorter than
`WORD`, at the very begin. If that is inside a link, it stands before the link. Links are Markdown's, `[text](address)`
and `[text][name]`, images, and bare addresses, up to `LINK` characters long.

While a text is shorter than that, the same rules tell how much of it no cut can take back: `settled`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kapagate.answer.graphemes import boundary_before, is_boundary

WORD = 128
LINK = 2048
NEAR = WORD + LINK
CONTEXT = 8
_OPEN = 1 << 60
_WIDE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
_GAP = re.compile(rf"(?<!\s)(?=\s)|(?<=\S)(?=[{_WIDE}])|(?<=[{_WIDE}])(?=\S)")
_SENTENCE = re.compile(r"(?:(?<!\d)\.|\d\d\.|[!?…])[)\]\"'”’»*_`]{0,4}\Z|[。！？][」』）”]{0,2}\Z")
_BEGINS = re.compile(r"!?\[|[A-Za-z][A-Za-z0-9+.-]{0,31}://")
_ADDRESS = re.compile(r"[^\s<>\"、。，！？」』）】]*")
_WITHIN = re.compile(r"[\[\]()\\]|\n[ \t]*\n")


def settled(text: str, start: int, offset: int, limit: int) -> int:
    """Up to where no cut can take back `text`, which begins at `offset` of the answer and ends before the limit.

    Here and in `cut_of`, `text[:start]` is settled already; of it `CONTEXT` characters are enough.
    """
    gaps = _gaps(text, start, offset, limit)
    low = limit - WORD - offset
    late = [gap for gap in gaps if gap >= low]
    return _chosen(text, late) if late else max(gaps, default=start)


def cut_of(text: str, start: int, offset: int, limit: int) -> int:
    """Where `text` is cut, which begins at `offset` of the answer and ends with the character behind the limit."""
    low, room = limit - WORD - offset, limit - offset
    late = [gap for gap in _gaps(text, start, offset, limit) if low <= gap <= room]
    if late:
        return _chosen(text, late)
    at = room if limit > WORD else start
    for first, end in _links(text, max(start, limit - NEAR - offset)):
        if first < at < end:
            return max(start, len(text[:first].rstrip()))
    return max(start, boundary_before(text, at))


def _chosen(text: str, gaps: list[int]) -> int:
    return next((gap for gap in reversed(gaps) if _ends_sentence(text, gap)), gaps[-1])


def _ends_sentence(text: str, at: int) -> bool:
    return text[at] == "\n" or _SENTENCE.search(text[max(0, at - CONTEXT) : at]) is not None


def _gaps(text: str, start: int, offset: int, limit: int) -> list[int]:
    """Where words end, outside of links, from `start` on."""
    links = [*_links(text, max(start, limit - NEAR - offset))]
    found = [each.start() for each in _GAP.finditer(text, start) if is_boundary(text, each.start())]
    return [at for at in found if not any(first < at < end for first, end in links)] if links else found


def _links(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Where links begin and end; one that may still go on has no end."""
    while (found := _BEGINS.search(text, start)) is not None:
        end = _end_of(text, found)
        if end:
            yield found.start(), end
        start = end or found.end()
        if end == _OPEN:
            return


def _end_of(text: str, begin: re.Match[str]) -> int:
    """0: it is no link."""
    if not begin[0].endswith("["):
        end = _address_end(text, begin.end())
        return _OPEN if end == len(text) else end
    end = _balanced(text, begin.end() - 1, begin.start())
    if not end or end == _OPEN:
        return end
    if end == len(text):
        return _OPEN
    return _balanced(text, end, begin.start()) if text[end] in "([" else 0


def _address_end(text: str, at: int) -> int:
    found = _ADDRESS.match(text, at)
    return found.end() if found else at


def _balanced(text: str, at: int, first: int) -> int:
    """Behind what closes the bracket at `at`; 0 when nothing does within the paragraph, or the link is too long."""
    opens, closes = text[at], ")" if text[at] == "(" else "]"
    depth, place = 0, at
    while (found := _WITHIN.search(text, place)) is not None and found.end() - first <= LINK:
        place = found.end()
        if found[0] == "\\":
            place += 1
        elif found[0] == opens:
            depth += 1
        elif found[0] == closes:
            depth -= 1
            if not depth:
                return place
        elif found[0][0] == "\n":
            return 0
    return _OPEN if len(text) - first <= LINK else 0
