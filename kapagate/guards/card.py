"""Payment card numbers (ISO/IEC 7812): 12 to 19 digits of an issuer's range with a Luhn check digit.

Behind words for a card the check digit is enough, whoever issued it. Lengths that a range does not have in practice
are left to those words: IMEIs have 15 digits and a Luhn digit too.
"""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span
from kapagate.guards.iban import LENGTHS
from kapagate.guards.iban import check as iban
from kapagate.guards.regex import ending

# In one piece or two, or in the groups of four digits that are printed on cards; the longer shape is tried first.
_PIECES = (re.compile(rb"\d{12,19}"), re.compile(rb"\d{6}[ .-]\d{7,13}"))
_GROUPS = (
    re.compile(rb"\d{4}([ .-])\d{4}\1\d{4}\1\d{4}\1\d{3}"),
    re.compile(rb"\d{4}([ .-])\d{4}\1\d{4}\1\d{1,4}"),
    re.compile(rb"\d{4}([ .-])\d{6}\1\d{4,5}"),
    re.compile(rb"\d{4}([ .-])\d{4}\1\d{4}"),
)
_ISSUERS = re.compile(
    rb"(?:4\d{12}(?:\d{3}){0,2}"  # Visa
    rb"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    rb"|3[47]\d{13}"  # American Express
    rb"|3(?:0[0-5]|[689]\d)\d{11}(?:\d{2,5})?"  # Diners Club
    rb"|35\d{14}|35(?:2[89]|[3-8]\d)\d{13,15}|(?:2131|1800)\d{11}"  # JCB
    rb"|220[0-4]\d{12,15}"  # Mir
    rb"|(?:50(?:18|20|38)|5[678]\d\d|0604|6304|6390|6759|676[1-3])\d{8}(?:\d{1,3})?"  # Maestro, of 12 to 15 digits
    rb"|(?:6\d|5[0678]|8[12])\d{14,17})\Z"  # Discover, UnionPay, Maestro, RuPay
)
_BEGINNINGS = re.compile(rb"4|5[0-8]|2[2-7]|3[04-9]|6|8[12]|2131|1800|0604")
_MORE_LEFT = re.compile(rb"(?:[\w/+]|\d\.|\w-)\Z")
_MORE_RIGHT = re.compile(rb"\w|\.\d|-\w")


_SAYS_OTHER = ending(
    rb"(?i)\b(?:ean|gtin|isbn|upc|imei|sku|order|invoice|tracking|timestamp|time)\b[\s:#.=-]{0,3}(?:no|number|id|is)?[\s:#.=]{0,3}"
)
_SIGNS = rb"[\s:#.,()*'\"=_|-]"
_SAYS_CARD = ending(
    rb"(?i)(?:\b|_)(?:(?:credit|debit|bank|payment)?[ _-]?cards?|cc|pan|visa|mastercard|maestro|amex|\w{0,7}karten?"
    rb"|cartes?|tarjetas?|carta|cart\xe3o|karty?|\w{0,7}kaart)" + _SIGNS + rb"{0,4}"
    rb"(?:(?:number|num|no|nr|is|was|ist|est|es|nummer|num\xe9ro|n\xfamero|numero|numer|de cr\xe9dit|de cr\xe9dito"
    rb"|di credito|bancaire)" + _SIGNS + rb"{1,4}){0,3}"
)
_BEFORE = 48
_IBAN_LEFT = re.compile(rb"\b[A-Za-z]{2}\d\d[ .-](?:[A-Za-z0-9]{4}[ .-]){0,7}\Z")
_LONGEST = 26
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")


def luhn(digits: bytes) -> bool:
    """ISO/IEC 7812-1 annex B."""
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(odd) + sum(even.translate(_DOUBLED)) - 48 * len(digits)) % 10 == 0


def check(data: bytes, start: int, end: int) -> Span | None:
    """The card number that begins with the digits at `start`, in any of its shapes."""
    if not _BEGINNINGS.match(data, start) and not _said(data, start):
        return None
    if data[start - 1 : start] != b" " and _MORE_LEFT.search(data, max(0, start - 2), start):
        return None
    follows = _follows_group(data, start)
    near = data[start : start + _LONGEST]
    for shape in _PIECES if near[4:5].isdigit() else _GROUPS:
        if (found := shape.match(near)) is not None and not _MORE_RIGHT.match(near, length := found.end()):
            digits = near[:length].translate(None, b" .-")
            issued = _ISSUERS.match(digits) is not None
            if follows and not issued:
                continue
            if luhn(digits) and (issued or (len(set(digits)) > 1 and _said(data, start))):
                return None if _is_part(data, start) else (start, start + length)
    return None


def _said(data: bytes, start: int) -> bool:
    return not _follows_group(data, start) and _SAYS_CARD(data[max(0, start - _BEFORE) : start])


def _follows_group(data: bytes, start: int) -> bool:
    return data[max(0, start - 2) : max(0, start - 1)].isdigit()


def _is_part(data: bytes, start: int) -> bool:
    """Whether it is said to be another number, or stands within an account's."""
    left = data[max(0, start - _BEFORE) : start]
    account = _IBAN_LEFT.search(left) if left[-1:] in b" .-" else None
    if account is not None and (first := start - len(left) + account.start()) < start:
        return data[first : first + 2].upper() in LENGTHS and iban(data, first, start) is not None
    return _SAYS_OTHER(left)


CARD = Detector(
    name="card",
    placeholder="<card>",
    pattern=rb"\b\d{4}(?:\d{8}|\d{2}[ .-]\d{4}|[ .-](?:\d{4}[ .-]|\d{6}[ .-])\d{4})",
    unfinished=rb"\d[\d .-]*|\d{4}(?:[ .-]\d{4}){2,3}[0-9A-Za-z .-]{0,30}",
    longest=48,
    before=_BEFORE,
    severity=3,
    confidence=0.98,
    check=check,
)
