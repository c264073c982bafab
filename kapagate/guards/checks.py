"""Check digits by name, as detectors of a policy ask for them. Each is told the letters and digits of a candidate."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from kapagate.guards.card import luhn
from kapagate.guards.iban import mod97

CheckName = Literal["luhn", "mod97", "mod11_2", "mod11_10", "verhoeff"]
_NO_SIGN = re.compile(rb"[^0-9A-Za-z]+")
_DIGITS = re.compile(rb"\d{2,}")
_MOD11_2 = re.compile(rb"\d+[\dX]")
_MOD97 = re.compile(rb"[0-9A-Z]{5,}")
# The group D5 and its permutation (Verhoeff, Error Detecting Decimal Codes, 1969).
_PRODUCT = "0123456789123406789523401789563401289567401239567859876043216598710432765982104387659321049876543210"
_PERMUTATION = "01234567891576283094580379614289160435279453126870428657390127938064157046913258"


def mod11_2(number: bytes) -> bool:
    """ISO/IEC 7064 MOD 11-2, whose last sign may be X: ORCID, ISNI, Chinese identity numbers."""
    if not _MOD11_2.fullmatch(number):
        return False
    rest = 0
    for digit in number[:-1]:
        rest = (rest + digit - 48) * 2 % 11
    return (rest + (10 if number.endswith(b"X") else number[-1] - 48)) % 11 == 1


def mod11_10(number: bytes) -> bool:
    """ISO/IEC 7064 MOD 11,10: German tax identification numbers, Croatian OIB."""
    product = 10
    for digit in number[:-1]:
        product = ((digit - 48 + product) % 10 or 10) * 2 % 11
    return (product + number[-1] - 48) % 10 == 1


def verhoeff(number: bytes) -> bool:
    """Indian Aadhaar numbers."""
    check = 0
    for place, digit in enumerate(reversed(number)):
        permuted = int(_PERMUTATION[place % 8 * 10 + digit - 48])
        check = int(_PRODUCT[check * 10 + permuted])
    return check == 0


def _of_digits(check: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    return lambda number: _DIGITS.fullmatch(number) is not None and check(number)


_CHECKS: dict[CheckName, Callable[[bytes], bool]] = {
    "luhn": _of_digits(luhn),
    "mod97": lambda number: _MOD97.fullmatch(number) is not None and mod97(number),
    "mod11_2": mod11_2,
    "mod11_10": _of_digits(mod11_10),
    "verhoeff": _of_digits(verhoeff),
}


def passes(name: CheckName, candidate: bytes) -> bool:
    """Whether the check of this name is right for what was found, separators and case aside."""
    return _CHECKS[name](_NO_SIGN.sub(b"", candidate).upper())
