"""Texts as one byte per character.

re2 works on bytes. Encoding to UTF-8 would cost a conversion of every offset and fails on lone surrogates, which JSON
can carry. So a text is folded: byte `i` stands for character `i`, and what is found at `i` is replaced at `i`. ASCII
stays; decimal digits of all scripts, full-width letters, dashes and blanks become their ASCII forms, because that is
how they are read; of other characters only what detectors ask for is kept: is it a letter with case, or something else?
"""

from __future__ import annotations

import codecs
import unicodedata
from functools import lru_cache

LETTER = b"\xe9"  # any other letter of a script with upper and lower case
OTHER = b"\xa4"  # anything else
CASED = rb"\xb5\xc0-\xd6\xd8-\xf6\xf8-\xff"  # what letters beyond ASCII fold to, for use in a character class

_ERRORS = "kapagate.fold"


@lru_cache(maxsize=4096)
def _fold(character: str) -> bytes:
    if (digit := unicodedata.decimal(character, None)) is not None:
        return b"%d" % digit
    if 0xFF01 <= ord(character) <= 0xFF5E:
        return bytes((ord(character) - 0xFEE0,))
    category = unicodedata.category(character)
    if category == "Pd" and character not in "\u2014\u2015\u2e3a\u2e3b":  # long dashes part words, they join nothing
        return b"-"
    if category == "Zs":
        return b" "
    return LETTER if category in ("Lu", "Ll", "Lt") else OTHER


def _replace(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return b"".join(map(_fold, error.object[error.start : error.end])), error.end


codecs.register_error(_ERRORS, _replace)


def fold(text: str) -> bytes:
    """The text with one byte per character: `len(fold(text)) == len(text)`."""
    data = text.encode("latin-1", _ERRORS)
    return data if text.isascii() else data.replace(b"\xa0", b" ").replace(b"\xad", b"-")
