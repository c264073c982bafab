"""Dates of birth: a date of any usual form behind words that say so, in eight languages. Other dates stay."""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span
from kapagate.guards.regex import ending

_BEFORE = 48
_LONGEST = 40
_WORDS = (
    rb"(?i:\b(?:born|birth|birthday|birthdate|dob|d\.o\.b|geboren|geburtsdatum|geburtstag|geb|naissance|nacimiento"
    rb"|nacid[oa]|nascita|geboortedatum|geboorte|nascimento|nascid[oa]|urodzon[ya]|urodzenia)\b|\bn\xe9e? |\bnat[oa] )"
)
_LINK = (
    rb"(?i:[\s:.,=()*_\"'|-]|\b(?:in|on|was|is|are|date|day|the|my|his|her|am|den|ist|war|le|el|il|em|op|en|es|del?|dia"
    rb"|date de|a|jour|est|era|geboren|dnia)\b|\xe8|\xe9)*"
)
_SAYS_SO = ending(_WORDS + _LINK)
_MONTH = (
    rb"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|m\xe4r|mai|okt|dez|f\xe9v|f\xe9b|avr|juin|juil|ao\xfb|d\xe9c"
    rb"|ene|abr|ago|dic|gen|mag|giu|lug|set|ott|maa|mei|fev|out|sty|lut|kwi|maj|cze|lip|sie|wrz|pa\xe9|lis|gru)"
)
_LETTERS = rb"[A-Za-z\xb5\xc0-\xff]"
_REST = _LETTERS + rb"{0,8}\.?"
_ORDER = rb"(?:st|nd|rd|th|er|[.\xba\xaa])?"
_DATE = (
    rb"\d{4}([./-])\d{1,2}\1\d{1,2}|\d{1,2}([./-])\d{1,2}\2(?:\d{4}|\d\d)"
    rb"|\d{1,2}" + _ORDER + rb"[ -](?:of |de )?" + _MONTH + _REST + rb"(?:,| del?)?[ -]\d{4}"
    rb"|" + _MONTH + _REST + rb" \d{1,2}" + _ORDER + rb",? \d{4}"
)
_SHAPE = re.compile(_DATE)


def check(data: bytes, start: int, end: int) -> Span | None:
    """The date at `start`, when the words before it make it somebody's birth."""
    found = _SHAPE.match(data, start, start + _LONGEST)
    if found is None or data[found.end() : found.end() + 1].isalnum() or data[start - 1 : start].isalnum():
        return None
    return found.span() if _SAYS_SO(data[max(0, start - _BEFORE) : start]) else None


_DAY = rb"\d{1,2}[a-z.\xba\xaa]{0,2}"
_UNFINISHED = rb"(?:\d[\d./-]*|%b|%b{1,2}|" % (_DAY, _LETTERS) + (
    rb"\d{1,2}%b[ -](?:of |de )?(?:%b{0,9}|%b%b(?:,| d?e?l?)?[ -]?\d*)|%b%b(?: (?:%b,? ?\d*)?)?)"
    % (_ORDER, _LETTERS, _MONTH, _REST, _MONTH, _REST, _DAY)
)

BIRTH = Detector(
    name="birth",
    placeholder="<birth>",
    pattern=rb"\b\d{1,4}(?:[./-]\d|" + _ORDER + rb"[ -][A-Za-z])|\b" + _MONTH + _LETTERS + rb"*\.? \d",
    hint=_WORDS + rb"[^\n]*\d",
    unfinished=_UNFINISHED,
    led_by=_WORDS + _LINK,
    longest=_LONGEST + 1,
    before=_BEFORE,
    confidence=0.85,
    check=check,
)  # fmt: skip
