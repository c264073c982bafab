"""Any plausible phone number, of 7 to 15 digits, behind words such as call, phone, mobile, fax in eight languages.

Between the words and the number stand signs and small words only: what else stands there could make it anything.
"""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span
from kapagate.guards.phone import extended, part_of_extension

_BEFORE = 48
_NEAR = 40
_WORDS = (
    rb"(?i:\b(?:call|calling|dial|ring|text|sms|whatsapp|phone|telephone|tel|mobile|cell|cellphone|landline|fax|hotline"
    rb"|telefon|telefonnummer|rufnummer|handy|handynummer|mobil|mobilnummer|mobiltelefon|anrufen|rufen sie|festnetz"
    rb"|t\xe9l\xe9phone|telephone|t\xe9l|portable|appelez|appeler|num\xe9ro|tel\xe9fono|telefono|m\xf3vil|movil|celular"
    rb"|llame|llamar|ll\xe1mame|cellulare|chiamare|chiama|chiamami|telefoonnummer|telefoon|mobiel|bel|bellen|gsm"
    rb"|telefone|telem\xf3vel|ligue|ligar|kom\xf3rka|kom\xf3rkowy|phone number|contact number|number)\b)"
)
_SMALL = (
    rb"(?i:me|us|him|her|them|my|our|his|your|their|back|on|at|or|and|the|is|was|number|no|nr|num|desk|support|now|under|unter"
    rb"|auf|an|mich|uns|der|die|ist|lautet|meine|au|le|la|est|mon|moi|nous|num\xe9ro|de|del|al|el|es|mi|n\xfamero|numero|il|mio"
    rb"|op|mij|ons|het|nummer|naar|em|o|meu|para|do|pod|numer|to|m\xf3j|m\xe9|work|home|office|private|mobile|phone|cell|fax|tel"
    rb"|whatsapp|sms|or text|please|directly|via|by|with|a|\xe9|\xe8|\xe0)"
)
_CONTEXT = re.compile(_WORDS + rb"(?:[\s:.,()*_\"'/=#|>-]|\b" + _SMALL + rb"\b){0,16}\+?\(?\Z")
_NUMBER_ALONE = re.compile(
    rb"(?i)(?:id|order|ticket|case|account|serial|version|reference|ref|part|model|invoice|line|tracking|security|tax)"
    rb" number"
)
_DIGITS = re.compile(rb"\d(?:[ ().-]{0,2}\d){6,14}")
_NO_NUMBER = re.compile(
    rb"(?:\d{4}([./-])\d\d?\1\d\d?|\d\d?([./-])\d\d?\2(?:\d{4}|\d\d))(?!\d)|\d{1,3}(?:\.\d{1,3}){3}(?![\d.-])|\d+\.\d+(?![\d.-])"
    rb"|(?:1[6-9]\d{8}|1[6-9]\d{11})(?!\d)"
)
_MORE_LEFT = re.compile(rb"(?:\w|\w[.-]|[/=]\w*)\Z")
_MORE_RIGHT = re.compile(rb"\w|[./:-]\d|-\w| ?[%$]")


def check(data: bytes, start: int, end: int) -> Span | None:
    left = data[max(0, start - _BEFORE) : start]
    found = _DIGITS.match(data[start : start + _NEAR])
    if found is None or _MORE_LEFT.search(left[-2:]) or _NO_NUMBER.match(found[0]):
        return None
    if not _CONTEXT.search(left) or _NUMBER_ALONE.search(left):
        return None
    last = start + found.end()
    if left.endswith(b"(") and b")" in found[0]:
        start, left = start - 1, left[:-1]
    if left.endswith(b"+"):
        start -= 1
    end = extended(data, last)
    return None if end == last and _MORE_RIGHT.match(data[last : last + 2]) else (start, end)


PHONE_SPOKEN = Detector(
    name="phone_spoken",
    kind="phone",
    placeholder="<phone>",
    pattern=rb"\b\d(?:[ ().-]{0,2}\d){6}",
    hint=_WORDS + rb"[^\n]*\d(?:[ ().-]?[ ().-]?\d){6}",
    unfinished=rb"\d[\d ().-]*(?:[/:%$]|" + part_of_extension() + rb")?",
    longest=_NEAR + 24,
    before=_BEFORE,
    confidence=0.7,
    check=check,
)
