"""Phone numbers: the international form (ITU-T E.164) and national forms that are written with separators.

Digits without a separator and without `+` could be anything and stay, unless words before them say what they are
(`phone_spoken.py`). So do numbers that go on, with the same separator, on either side: they are rows of a table, or
somebody's identifier. An extension belongs to its number.
"""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span
from kapagate.guards.phone_lengths import lengths
from kapagate.guards.regex import ending

_NEAR = 40
_BEFORE = 44
_COUNTRY = re.compile(
    rb"1|2(?:0|7|1[1-368]|[2346]\d|5[0-8]|9[01789])|3(?:[0-469]|[578]\d)|4(?:[013-9]|2[013])|5(?:[1-8]|0\d|9\d)"
    rb"|6(?:[0-6]|[78]\d|9[0-2])|7|8(?:[1246]|0[08]|5[02356]|7[08]|8[0368])|9(?:[0-58]|6\d|7\d|9[2-68])"
)
_NORTH_AMERICA = re.compile(rb"1(?:[ .-]?\(\d{3}\) ?|[ .-]\d{3}[ .-])\d{3}[ .-]\d{4}")
# Groups behind a code that no country has; no zone of time, no decimals beside each other
_SIGNS = re.compile(rb"[(.-]")
_PLUS, _ZEROS = 1, 2
_MADE_UP = {
    _PLUS: re.compile(  # no zone of time, no decimals
        rb"(?!0\d[034][05]\b|\d+\.\d+(?:[ -]\d+\.\d+)*(?![\d.-]| \d))\d{1,4}(?:[ .-]\d{2,6}){1,3}[ .-]\d{3,4}(?!\d)"
    ),
    _ZEROS: re.compile(rb"(?!0+\b)\d{1,3}[ .-]\d{3}[ .-]\d{3}[ .-]\d{4}(?!\d)"),
}
_JOIN = rb"(?:\)? ?[/-] ?|[ .]|[ .-]?\(|\)[ .-]?)"
_GROUPS = re.compile(rb"\d{1,15}(?:" + _JOIN + rb"\d{1,14}){0,7}")
_GROUP_ENDS = re.compile(rb"\d+")

_AREA = rb"(?:[2-9](?:[02-9]\d|1[02-9]))"
_NATIONAL = tuple(
    re.compile(shape)
    for shape in (
        # North America
        rb"(?:1[ .-])?(?:\(" + _AREA + rb"\)[ .-]?|" + _AREA + rb"(?:[ -]|\.(?=\d{3}\.)))[2-9]\d\d[ .-]\d{4}"
        rb"|" + _AREA + rb"/\d{3}-\d{4}"
        rb"|\(\d{3}\)[ .-]?\d{3}[ .-]\d{4}|\(\d{3}\)\.?\d{7}|\d{3}[.-]\d{3}[.-]\d{4}(?= ?(?i:x|ext)[. ]{0,2}\d)",
        # as people type them, with more than one separator
        rb"0\d{2,4}[ .-]\d{3,4}[ .-]\d{3,4}|0\d{2,4}[ .-]\d{3}[ .-]\d{3}[ .-]\d{4}",
        # France and others: five pairs
        rb"0[1-9](?: \d\d){4}|0[1-9](?:\.\d\d){4}|0[1-9](?:-\d\d){4}|0[1-9](?:/\d\d){4}",
        # a trunk 0, an area, and up to four groups with one separator
        rb"(?:\(0 ?[1-9]\d{0,4}\)(?: ?[/-])? ?|0 ?[1-9]\d{0,4}(?: ?[/-] ?| ))"
        rb"\d{2,8}(?:(?: \d{2,6}){1,3}|(?:-\d{2,6}){1,3})?",
        # Spain
        rb"[5-9]\d\d(?: \d\d){3}|[5-9]\d\d(?:\.\d{3}){2}|[1-9]\d \d{3} \d\d \d\d|\([1-9]\d\) \d{3} \d\d \d\d"
        rb"|[1-9]\d \d{3} \d{4}|[5-9]\d\d(?: \d{3}){2}|[5-9]\d\d(?:-\d{3}){2}|[679]\d\d(?:-\d\d){3}",
        # Italy's mobiles, India's, Brazil's
        rb"3[2-9]\d[ /-]\d{6,7}|3[2-9]\d[ -]\d{3}[ -]\d{3,4}|3[2-9]\d \d\d \d\d \d{3}",
        rb"[6-9]\d{4}[ -]\d{5}",
        rb"\([1-9]\d\) ?(?:9 ?)?\d{4}[ -]\d{4}|[1-9]\d 9\d{4}[ -]\d{4}|[1-9]\d [2-5]\d{3}-\d{4}",
        rb"\(\d{3}\) \d{3} \d{3} \d{3}",  # Portugal and others: the country's code in brackets
        # Numbers without an area: Australia, North America, Italy, Spain, the Netherlands
        rb"1[38]00 \d{3} \d{3}|1[38]00-\d{3}-\d{3}|[89]00[ -]\d{3}[ -]\d{3}|0[89]00[ -]\d{4}",
    )
)
_SOME = re.compile(b"|".join(rb"(%b)" % shape.pattern for shape in _NATIONAL))
# 200 300 4000 are three numbers, 60000-64999 is a range, 277.764 1035 are coordinates of a drawing
_ROUND = re.compile(rb"(?:1[ .-])?[2-79]00 \d00\b|\d\d\d00[ -]\d{5}\Z|\d{3}\.\d{3} ")
_MORE_LEFT = re.compile(rb"(?:[\w/+]|\w[.-]|\b1[ .-])\Z")
_STATE_LEFT = re.compile(rb"\b[A-Z]{2}[ \n\r\t,#*/|>;]{1,12}\Z")
_ZIP = re.compile(rb"\d{5}-\d{4}\Z")  # MA 02110-1301
_FREE = re.compile(rb"0[89]00[ -]\d{4}\Z")
_PART_OF_MORE = ending(  # in an international number, in an IBAN
    rb"(?:\+|\b00)[1-9][\d ()./-]*|\b[A-Za-z]{2}\d\d[ .-](?:[A-Za-z0-9]{4}[ .-]){0,7}"
)
_SOCIAL = re.compile(rb"\d{3}([ -])\d\d\1\d{4}\Z")  # 078-05-1120
_SAYS_OTHER = ending(
    rb"(?i)\b(?:order|invoice|ticket|case|ref|reference|account|serial|sku|customer (?:no|number|id)|isbn|ean|imei"
    rb"|mrn|medical record|part|model|catalog|policy|member(?:ship)?|npi|vin|routing|tax|licen[cs]e|passport"
    rb"|tracking|siren|siret|nip|regon|kvk|nif|cif|cnpj|cpf|bestell\w*|rechnung\w*|kundenn\w*|kunden-n\w*|auftrag\w*|commande"
    rb"|facture|pedido|factura|fatura|ordine|fattura|bestelling|factuur|zam\xf3wieni\w*|faktur\w*)"
    rb"[\s:.#]{0,3}(?:n\w{0,5}[\s:.\xba\xb0#]{0,3}|id[\s:]{0,2})?"
)
_DIGITS_LEFT = re.compile(rb"\d \Z")
LABELS = rb"(?:office|fax|mobile|home|work|cell|desk)"
_MORE_RIGHT = re.compile(rb"\w|[.:/-]\d|-(?!(?i:" + LABELS + rb")\b)\w")
_LONGEST_LABEL = 10
UNIT = re.compile(
    rb" ?(?:[$%\xa2\xa3\xa5]|(?:km|m|mm|cm|kg|g|eur|usd|euros?|dollars?|bytes|[kmg]i?b|ms|rows|people|users)\b)", re.I
)
_EXTENSION_WORDS = (b"x", b"ext", b"extn", b"extension", b"poste", b"anexo", b"ramal", b"int", b"durchwahl", b"dw")
EXTENSION = rb"(?i:(?:,? ?(?:" + b"|".join(_EXTENSION_WORDS) + rb")[.:]? ?| ?# ?)\d{1,6})"
_EXTENSION = re.compile(EXTENSION + rb"(?!\w|-(?!(?i:" + LABELS + rb")\b))")
_LONGEST_EXTENSION = 22


def extended(data: bytes, end: int) -> int:
    """Where a number that ends at `end` ends with its extension."""
    found = _EXTENSION.match(data, end, end + _LONGEST_EXTENSION)
    return end if found is None else found.end()


def part_of_extension() -> bytes:
    """What may still become the word of an extension."""
    parts = sorted({word[:length] for word in _EXTENSION_WORDS for length in range(1, len(word) + 1)}, reverse=True)
    return rb"(?i:,? ?(?:(?:" + b"|".join(parts) + rb")[.:]? ?\d{0,7})?| ?# ?\d{0,7})"


def _ends(data: bytes, end: int) -> bool:
    return _MORE_RIGHT.match(data, end, end + _LONGEST_LABEL) is None or extended(data, end) > end


def _international(data: bytes, start: int, prefix: int) -> Span | None:
    """From `+` or `00` on: as many groups as the country has, or a shape that is nothing else."""
    if data[start - 1 : start].isalnum():
        return None
    near = data[start + prefix : start + _NEAR]
    length = _of_country(data, start + prefix, near)
    if not length or prefix == _ZEROS:
        length = max(length, _of_shape(data, start + prefix, near, prefix))
    if not length:
        return None
    wrapped = data[start - 1 : start] == b"(" and b")" in near[:length]
    return start - wrapped, extended(data, start + prefix + length)


def _of_country(data: bytes, start: int, near: bytes) -> int:
    """The length of the most groups that make a number of the country's length; 0 without."""
    country, groups = _COUNTRY.match(near), _GROUPS.match(near)
    if country is None or groups is None:
        return 0
    code = near[: country.end()]
    possible = lengths(code)
    best, digits = 0, 0
    for group in _GROUP_ENDS.finditer(near[: groups.end()]):
        first, last = group.span()
        digits += last - first - (near[first - 1 : last + 1] == b"(0)")
        if digits in possible and _ends(data, start + last):
            best = last
    return 0 if _decimal(near[:best]) or (code == b"1" and not _north_american(near[:best])) else best


def _of_shape(data: bytes, start: int, near: bytes, prefix: int) -> int:
    found = _NORTH_AMERICA.match(near) or _MADE_UP[prefix].match(near)
    if found is None or not _ends(data, start + found.end()) or not _SIGNS.search(found[0]):
        return 0
    digits = len(found[0].translate(None, b" ().-"))
    return found.end() if 9 <= digits <= 15 and not found[0].endswith(b"000") else 0


def _decimal(number: bytes) -> bool:
    """+40.712776 is a coordinate."""
    return number.count(b".") == 1 and number.replace(b".", b"").isdigit() and not number.startswith(b"1.")


def _north_american(number: bytes) -> bool:
    digits = number.translate(None, b" ()./-")
    return len(digits) == 11 and digits[1] > 49 and digits[4] > 49


def _national(data: bytes, start: int) -> Span | None:
    left = data[max(0, start - _BEFORE) : start]
    if left[-2:-1].isdigit() and _PART_OF_MORE(left):
        return None
    first = _SOME.match(data, start)
    if first is None or _MORE_LEFT.search(data, max(0, start - 3), start):
        return None
    near = data[start : start + _NEAR]
    for shape in _NATIONAL[(first.lastindex or 1) - 1 :]:
        found = shape.match(near)
        if found is None:
            continue
        end = start + found.end()
        if _SOCIAL.match(data[start:end]):
            continue
        if _ZIP.match(data[start:end]) and _STATE_LEFT.search(left):
            continue
        if _ends(data, end) and not _goes_on(data, start, end) and _plausible(data[start:end], data[end : end + 9]):
            return None if _PART_OF_MORE(left) or _SAYS_OTHER(left) else (start, extended(data, end))
    return None


def _goes_on(data: bytes, start: int, end: int) -> bool:
    """Are there further digits, joined by the separator that joins the last group?"""
    separator = data[start:end].rstrip(b"0123456789")[-1:]
    left, right = data[max(0, start - 2) : start], data[end : end + 2]
    return (left[1:] == separator and left[:1].isdigit()) or (right[:1] == separator and right[1:].isdigit())


def _plausible(number: bytes, behind: bytes) -> bool:
    digits = sum(number.count(b"%d" % digit) for digit in range(10))
    most = 15 if len(set(number) - set(b"0123456789()")) > 1 else 12
    return (8 if _FREE.match(number) else 9) <= digits <= most and not _ROUND.match(number) and not UNIT.match(behind)


def check(data: bytes, start: int, end: int) -> Span | None:
    if data[start : start + 1] == b"+":
        return _international(data, start, _PLUS)
    if data[start : start + 2] == b"00":
        if _DIGITS_LEFT.search(data, max(0, start - 2), start) or _MORE_LEFT.search(data, max(0, start - 3), start):
            return None
        left = data[max(0, start - _BEFORE) : start]
        return None if _PART_OF_MORE(left) else _international(data, start, _ZEROS)
    return _national(data, start)


PHONE = Detector(
    name="phone",
    placeholder="<phone>",
    pattern=(
        rb"\+\d|\(0? ?\d{2,5}\)[ ./-]{0,3}\d|\b00\d|\b\d{3}[.-]\d{3}[.-]\d{4} ?(?i:x|ext)"
        rb"|\b0 ?[1-9]\d{0,4}(?: ?[/-] ?|[ .])\d\d(?:[ ./-]?\d){2}"
        rb"|\b[1-9]\d [2-5]\d{3}-\d{4}"
        rb"|\b1[ .-]\(?[2-9]\d\d[ .)/-]|\b[2-9]\d\d[ ./-]\d\d(?:[ .-]?\d){4}|\b[1-9]\d \d{3} \d\d"
        rb"|\b[6-9]\d{4}[ -]\d{5}|\b[1-9]\d 9\d{4}[ -]|\b1[38]00[ -]\d{3}"
    ),
    unfinished=rb"[+(]{0,2}\d[\d ()./-]*:?"
    + rb"|[+(]{0,2}\d(?:[ ()./-]{0,4}\d){6,}(?:"
    + part_of_extension()
    + rb")?[ -]{0,2}[A-Za-z$%]{0,9}|[+(]{1,2}",
    longest=_NEAR + _LONGEST_EXTENSION + _LONGEST_LABEL,
    before=_BEFORE,
    confidence=0.85,
    check=check,
)
