"""Any plausible phone number, of 7 to 15 digits, beside words such as call, phone, mobile, fax in eight languages.

Before the number, signs and small words alone may stand between: what else stands there could make it anything. Behind
it such a word counts in brackets, or where somebody says that it is theirs: `... (mobile)`, `... is my phone number`.
"""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span
from kapagate.guards.phone import EXTENSION, LABELS, UNIT, extended, part_of_extension
from kapagate.guards.regex import ending

_BEFORE = 56
_NEAR = 40
_NOUNS = (
    rb"phone|telephone|tele?|mobile|cell|cellphone|landline|fax|hotline|whatsapp|telefon|telefonnummer|rufnummer|handy"
    rb"|handynummer|mobil|mobilnummer|mobiltelefon|festnetz|mobilfunknummer|t\xe9l\xe9phone|t\xe9l|portable"
    rb"|tel\xe9fono|telefono|m\xf3vil|movil|celular|cellulare|telefoonnummer|telefoon|mobiel|gsm|telefone|telem\xf3vel|telefonu|kom\xf3rka|faks"
)
_WORDS = (
    rb"(?i:(?:\b|_)(?:" + _NOUNS + rb"|call|calling|dial|ring|text|sms|ph|mob|reach|reachable|phone number"
    rb"|contact number|phones?|contact|kontakt|contacto|contatto|contato|kontaktieren|telecom|telephonenum|phonenum"
    rb"|answering|callback"
    rb"|toll[ -]free|freephone|helpline|switchboard|customer service|messages? to|shout at|registered"
    rb"|telefonnr|handynr|mobilnr|telnr|anrufen|anruf|ruf|rufen sie|erreichen|erreichbar|appelez|appeler"
    rb"|joignable|joindre|num\xe9ro de t\xe9l\xe9phone|contactez|llame|llamar|ll\xe1mame|ll\xe1meme|llamarme|tlf|tfno"
    rb"|chiamare|chiama|chiami|chiamami|chiamatemi|bel|bellen|bereikbaar|ligue|ligar|kom\xf3rkowy|kom\xf3rkowego"
    rb"|telefoniczny|telefonicznie|zap|06-nummer|(?:my|our|your|his|her|their) number|meine nummer"
    rb"|(?:mon|notre|son) num\xe9ro"
    rb"|(?:mi|su) n\xfamero|(?:mio|nostro) numero|(?:mijn|ons) nummer|(?:meu|seu) n\xfamero|m\xf3j numer"
    rb"|nasz numer)(?:\b|_)"
    rb"|\b(?:desk|office|home|work|emergency(?: contact| line)?|direct|main|support):"
    rb"|\b(?:reach|contact|call)(?: [a-z']{1,14}){1,5} (?:at|on|via|under)\b"
    rb"|\b(?:za)?dzwo(?:ni)?\xe9|\b(?-i:[TM]):)"
)  # fmt: skip
_SMALL = (
    rb"(?i:me|us|him|her|them|my|our|his|your|their|back|on|at|or|and|the|is|was|number|no|nr|num|desk|support|now|under|unter"
    rb"|auf|an|mich|uns|der|die|ist|lautet|meine|au|le|la|est|mon|moi|nous|num\xe9ro|de|del|al|el|es|mi|n\xfamero|numero|il|mio"
    rb"|op|mij|ons|het|nummer|naar|em|o|meu|para|do|pod|numer|to|m\xf3j|m\xe9|work|home|office|private|mobile|phone|cell|fax|tel"
    rb"|whatsapp|sms|or text|please|directly|via|by|with|a|c'est|jest|kom|telefonu|nas|bitte|bij|dia|it|this|per|f\xe9r"
    rb"|ms?g|just|anytime|today|later|ab|an unter|um)"
)
_SAYS_SO = ending(_WORDS + rb"(?:[\s:.,;()*_\"'/=#|>\xb0\xba\xe0\xe8\xe9-]|(?:\b|_)" + _SMALL + rb"\b)*\+?\(?")
_NUMBER_ALONE = re.compile(
    rb"(?i)(?:id|order|ticket|case|account|serial|version|reference|ref|part|model|invoice|line|tracking|security|tax)"
    rb" number"
)
_OWN = (
    rb"(?:my|our|his|her|their|your|meine?|unsere?|mon|notre|mi|nuestro|il mio|mijn|ons|meu|o meu|m\xf3j|moja)"
    rb"(?: (?:new|work|home|office|private|neue|private|num\xe9ro de|n\xfamero de|numero di|numer|n\xfamero do))?"
)
_SAYS = rb"(?:is|ist|est|es|\xe8|\xe9|jest|to)"
_BEHIND = rb"(?i: ?[(\[] ?(?:" + _NOUNS + rb")\b| " + _SAYS + rb" " + _OWN + rb" (?:" + _NOUNS + rb")\b)"
_NAMED_BEHIND = re.compile(_BEHIND)
_LABELLED = re.compile(rb"(?i)(?: ?- ?" + LABELS + rb"\b| " + LABELS + rb"(?:[\n\r.,;)\\<|]|\Z))")
_ROUND = (b"000", b"00 000")
_LONGEST_BEHIND = 48
_NUMBER = rb"\d(?:(?:[ ().-]{0,3}|/)\d){6}"
_DIGITS = re.compile(rb"\d(?:(?:[ ().-]{0,3}|/)\d){6,14}")
_NO_NUMBER = re.compile(
    rb"(?:\d{4}([./-])\d\d?\1\d\d?|\d\d?([./-])\d\d?\2(?:\d{4}|\d\d))(?![./-]?\d)|\d{1,3}(?:\.\d{1,3}){3}(?![\d.-])|(?!0\d)\d+\.\d+(?![\d.-])"
    rb"|(?:1[6-9]\d{8}|1[6-9]\d{11})(?!\d)|\d{3}([ -])\d\d\3\d{4}(?!\d)"
)
_MORE_LEFT = re.compile(rb"(?:\w|\w[.-]|/\w*)\Z")
_MORE_RIGHT = re.compile(rb"\w|[./:-]\d|-(?!(?i:" + LABELS + rb")\b)\w| ?%")


def check(data: bytes, start: int, end: int) -> Span | None:
    left = data[max(0, start - _BEFORE) : start]
    found = _DIGITS.match(data, start, start + _NEAR)
    if found is None or _MORE_LEFT.search(left[-2:]) or (not left.endswith(b"+") and _NO_NUMBER.match(found[0])):
        return None
    last, wrapped = start + found.end() - found.start(), left.endswith(b"(") and b")" in found[0]
    named = _named_behind(data, last) or (
        _SAYS_SO(left) and not _NUMBER_ALONE.search(left) and not UNIT.match(data, last)
    )
    if not named:
        return None
    end = extended(data, last)
    first = start - wrapped - left[: len(left) - wrapped].endswith(b"+")
    return None if end == last and _MORE_RIGHT.match(data, last, last + 10) else (first, end)


def _named_behind(data: bytes, last: int) -> bool:
    if _NAMED_BEHIND.match(data, last, last + _LONGEST_BEHIND):
        return True
    labelled = _LABELLED.match(data, extended(data, last), last + _LONGEST_BEHIND)
    return labelled is not None and not data[:last].endswith(_ROUND)


PHONE_SPOKEN = Detector(
    name="phone_spoken",
    kind="phone",
    placeholder="<phone>",
    pattern=rb"\b" + _NUMBER,
    hint=(
        _WORDS + rb"(?:[^\n]*|\W*)" + _NUMBER + rb"|" + _NUMBER + rb"[ \d().-]{0,16}(?:" + _BEHIND
        + rb"|(?:" + EXTENSION + rb")? ?[ -] ?(?i:" + LABELS + rb")\b)"
    ),
    unfinished=(
        rb"[+(]{0,2}\d[\d ()./-]*[/:%$]?"
        rb"|[+(]{1,2}|[+(]{0,2}"
        + _NUMBER
        + rb"[\d ()./-]*(?:" + part_of_extension() + rb")?(?: ?[(\[] ?[A-Za-z\xb5-\xff]{0,20}"
        rb"| [A-Za-z\xb5-\xff ]{0,48}| ?- ?[A-Za-z]{0,8})?"
    ),
    longest=_NEAR + _LONGEST_BEHIND + 24,
    before=_BEFORE,
    confidence=0.7,
    check=check,
)  # fmt: skip
