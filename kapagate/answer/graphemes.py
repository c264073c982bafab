"""Where a text may be parted without taking apart what a reader sees as one letter.

The rules of UAX 29, section 3, as far as `unicodedata` tells properties apart; where it does not, a place is no
boundary rather than one. A letter with its marks, a Hangul syllable, a flag, an emoji with its joiners stay whole.
"""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_VIRAMA = 9
_HANGUL_LEADS = range(0x1100, 0x1160)
_HANGUL_REST = range(0x1160, 0x1200)
_SYLLABLES = range(0xAC00, 0xD7A4)
_FLAGS = range(0x1F1E6, 0x1F200)
_MODIFIERS = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_THAI_VOWELS = "\u0e33\u0eb3"
_PREPENDED = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e")


def is_boundary(text: str, at: int) -> bool:
    """Whether no letter goes on across the place before `text[at]`; both ends of a text are boundaries."""
    if not 0 < at < len(text):
        return True
    before, behind = text[at - 1], text[at]
    if before < "\u0300" and behind < "\u0300":
        return not (before == "\r" and behind == "\n")
    if _goes_on(behind) or before == _JOINER or before in _PREPENDED:
        return False
    if unicodedata.combining(before) == _VIRAMA and unicodedata.category(behind) == "Lo":
        return False
    if ord(behind) in _FLAGS:
        return _flags_before(text, at) % 2 == 0
    return not _one_syllable(ord(before), ord(behind))


def boundary_before(text: str, at: int) -> int:
    """The last boundary that is not behind `at`."""
    while not is_boundary(text, at):
        at -= 1
    return at


def _goes_on(character: str) -> bool:
    """Whether it belongs to the letter before it."""
    code = ord(character)
    if character == _JOINER or character in _THAI_VOWELS or code in _MODIFIERS or code in _TAGS:
        return True
    return character == "\u200c" or unicodedata.category(character) in ("Mn", "Me", "Mc")


def _flags_before(text: str, at: int) -> int:
    first = at
    while first and ord(text[first - 1]) in _FLAGS:
        first -= 1
    return at - first


def _one_syllable(before: int, behind: int) -> bool:
    if before in _HANGUL_LEADS:
        return behind in _HANGUL_LEADS or behind in _HANGUL_REST or behind in _SYLLABLES
    return (before in _SYLLABLES or before in _HANGUL_REST) and behind in _HANGUL_REST
