"""International bank account numbers (ISO 13616): a country's length and the check of ISO 7064 mod 97-10.

In capitals and with a right check another length is one as well: registries change, and people make numbers up.
"""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span

# The SWIFT registry: how many characters an IBAN of each country has.
_LENGTHS = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    33: "RU",
}
LENGTHS = {country.encode(): length for length, countries in _LENGTHS.items() for country in countries.split()}
_MAX_BLANKS = 10
_LONGEST = max(LENGTHS.values()) + _MAX_BLANKS + 1
_SHAPES = {
    length: re.compile(rb"[A-Za-z0-9](?:[ .-]?[A-Za-z0-9]){%d}(?![A-Za-z0-9])" % (length - 1)) for length in _LENGTHS
}
_UNREGISTERED = re.compile(
    rb"[A-Z]{2}\d\d(?:[A-Z0-9]{11,30}|([ -])(?:[A-Z0-9]{4}\1){2,6}[A-Z0-9]{1,4})(?![A-Za-z0-9]|[.-][A-Za-z0-9])"
)
_VALUES = str.maketrans({letter: str(int(letter, 36)) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})
_TEN = ord("A") - 10
_CAPITALS = bytes(range(256)).upper()
_COUNTRY = rb"\b(?i:" + b"|".join(sorted(LENGTHS)) + rb")"


def mod97(number: bytes) -> bool:
    """ISO 7064 mod 97-10 over letters (A = 10 ... Z = 35) and digits, the first four moved to the end."""
    if number[:2].isalpha() and number[2:].isdigit():  # most accounts' are; it takes half the time
        return int(b"%b%d%d%b" % (number[4:], number[0] - _TEN, number[1] - _TEN, number[2:4])) % 97 == 1
    return int((number[4:] + number[:4]).decode("ascii").translate(_VALUES)) % 97 == 1


def check(data: bytes, start: int, end: int) -> Span | None:
    """As many letters and digits from `start` on as the country has, in groups or not."""
    wanted = LENGTHS.get(data[start : start + 2]) or LENGTHS[data[start : start + 2].upper()]
    if data[start - 1 : start] in (b"-", b"/"):
        return None
    longest = wanted + _MAX_BLANKS
    found = _SHAPES[wanted].match(data, start, start + longest + 1)
    if found is None or found.end() - start > longest or not _right(found[0]):
        found = _UNREGISTERED.match(data, start, start + _LONGEST)
        if found is None or not _right(found[0]):
            return None
    return found.span()


def _right(written: bytes) -> bool:
    return mod97(written.translate(_CAPITALS, b" .-"))


IBAN = Detector(
    name="iban",
    placeholder="<iban>",
    pattern=_COUNTRY + rb"\d\d[ .-]?[A-Za-z0-9]",
    unfinished=rb"\b[A-Za-z]{1,2}|" + _COUNTRY + rb"\d(?:\d[A-Za-z0-9 .-]*)?",
    longest=_LONGEST,
    before=1,
    severity=3,
    confidence=0.99,
    check=check,
)
