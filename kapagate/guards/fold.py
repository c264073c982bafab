"""Texts as one byte per character.

re2 works on bytes. Encoding to UTF-8 would cost a conversion of every offset and fails on lone surrogates, which JSON
can carry. So a text is folded: byte `i` stands for character `i`, and what is found at `i` is replaced at `i`. ASCII
stays; decimal digits of all scripts, full-width and styled letters, letters of other scripts that look like ASCII's,
dashes, blanks and signs of currencies become ASCII forms, because that is how they are read; characters that are not
seen become `UNSEEN`; of others only what detectors ask for is kept: is it a letter with case, or something else?
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LETTER = "\xe9"  # any other letter of a script with upper and lower case
OTHER = "\xa4"  # anything else
UNSEEN = b"\x80"  # zero-width characters, soft hyphens, marks on digits: `disguise.py` looks behind them
CASED = rb"\xb5\xc0-\xd6\xd8-\xf6\xf8-\xff"  # what letters beyond ASCII fold to, for use in a character class

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_WIDE = bytes(range(0x34, 0xA0)) + bytes(range(0xAC, 0xD7))  # pages of Chinese and Korean: no case, no likeness
_LONG_DASHES = "\u2014\u2015\u2e3a\u2e3b"  # they part words, they join nothing
_UNSEEN = re.compile(
    "[\xad\u034f\u0300-\u036f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u20d0-\u20f0\u3164\ufe00-\ufe0f]"
)
_LOOK_ALIKE = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХаеіјорсухѕԁһԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧοѵӏ",  # Cyrillic and Greek on purpose
        "ABESIJKMHOPCTYXaeijopcyxsdhqwABEZHIKMNOPTYXovl",
        strict=True,
    )
)


def _folded(character: str) -> str:
    if (digit := unicodedata.decimal(character, None)) is not None:
        return str(digit)
    if (alike := _LOOK_ALIKE.get(character)) is not None:
        return alike
    category = unicodedata.category(character)
    if category in ("Cf", "Cc") or _UNSEEN.match(character):
        return UNSEEN.decode("latin-1")
    if category == "Sc":
        return "$"
    if category == "Zs":
        return " "
    if category == "Pd" and character not in _LONG_DASHES:
        return "-"
    plain = unicodedata.normalize("NFKC", character)
    if len(plain) == 1 and " " < plain <= "~":
        return plain
    return LETTER if category in ("Lu", "Ll", "Lt") else OTHER


@lru_cache(maxsize=4096)
def _folded_astral(character: str) -> str:
    return _folded(character)


@lru_cache(maxsize=256)
def _page(high: int) -> tuple[bytes, bytes, bytes]:
    """Of the 256 characters with this high byte: the pages that fold as it does, what each folds to, and a mask."""
    pages = _WIDE if high in _WIDE else bytes((high,))
    table = "".join(_folded_at(high, low) for low in range(256)).encode("latin-1")
    return pages, table, bytes(0xFF if each in pages else 0 for each in range(256))


def _folded_at(high: int, low: int) -> str:
    if high in _WIDE:
        return OTHER
    plain = high == 0 and (low < 0x80 or low > 0xA0) and low != 0xAD
    return chr(low) if plain else _folded(chr(high << 8 | low))


def fold(text: str) -> bytes:
    """The text with one byte per character: `len(fold(text)) == len(text)`.

    Beyond ASCII, all characters of one page of Unicode (256) are folded at once, and most texts stand on few pages.
    """
    if text.isascii():
        return text.encode("ascii")
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) != 2 * len(text):
        text = _ASTRAL.sub(lambda found: _folded_astral(found[0]), text)
        units = text.encode("utf-16-le", "surrogatepass")
    low, high = units[::2], units[1::2]
    folded, rest = 0, high
    while rest:
        pages, table, mask = _page(rest[0])
        folded |= int.from_bytes(low.translate(table), "little") & int.from_bytes(high.translate(mask), "little")
        rest = rest.translate(None, pages)
    return folded.to_bytes(len(low), "little")
