"""Secrets without a known shape, behind a word that says what they are: `password: ...`, `TOKEN=...`, `Bearer ...`.

The value must look chosen or random: letters with digits or signs for a password, and enough different characters for
a token. Names of variables, calls, paths and words to be filled in stay. Where no sign stands between (`the token ...`)
or the word says less (`KEY=`), it must be long and mixed. A hash stays unless it is told as a key: `the token is ...`,
not `the token ...`.
"""

from __future__ import annotations

import re
from functools import cache
from math import log2

from kapagate.guards.detector import Detector, Span, as_long_as

_LONGEST = 512
_BEFORE = 112
_SPOKEN = (
    rb"password|passwd|passphrase|passcode|pwd|passwort|kennwort|mot de passe|contrase\xf1a|wachtwoord|senha|has\xe9o"
)
_KEY = (
    rb"(?:api|access|account|secret|private|auth|admin|app(?:lication)?|master|server|write|ingest(?:ion)?"
    rb"|signing|encryption|licen[cs]e)"
)
_API_KEY = (
    rb"(?:clave|cl\xe9|chave|chiave|sleutel)(?: (?:de |d'|da |di )?|-)api(?: [\w.-]{2,20})?"
    rb"|api[ -](?:schl\xfcssel|sleutel)"
)
_NAMED = (
    rb"(?:secret|token|" + _KEY + rb"[ _-]?key|client[ _-]?secret|credential|" + _API_KEY + rb")"
    rb"(?:[_-]?(?:base|value|prod(?:uction)?|dev|staging|test|live|key|env|\d{1,2})){0,2}"
    rb"(?: (?:de|di|da|do|von|van|f\xfcr|voor|for|of|pour|para|per) [\w.-]{2,20})?"
)
_VENDOR = (  # whose keys have no shape of their own
    rb"algolia|cloudflare|cohere|datadog|discord|dropbox|facebook|fastly|heroku|hubspot|intercom|kraken|launchdarkly"
    rb"|linkedin|mailchimp|meraki|mistral|netlify|okta|pagerduty|sendbird|sentry|snyk|sonar(?:qube)?|squarespace|telegram"
    rb"|twilio|twitch|twitter|zendesk"
)
_VENDOR_KEY = rb"\b(?:" + _VENDOR + rb")[ _.-]key"
_QUOTE = rb"[\"'`*]{0,3}"
_SIGN = _QUOTE + rb"\s{0,2}(?::=|=>|[:=])\s{0,2}" + _QUOTE
_ASSIGNED = (  # in languages of programs, XML and tables
    rb"(?:[\"'`*\])]{0,3}(?::? ?(?:string|str|&str))?\s{0,2}(?:[:?.+|]{0,3}=|=>|:)\s{0,2}" + _QUOTE
    + rb"|[\"'`]\s{0,2},\s{0,2}[\"'`]|>\s{0,8}|" + _QUOTE + rb" {0,2}\| {0,2}" + _QUOTE + rb")"
)  # fmt: skip
_TOLD = _QUOTE + rb" (?:(?:is|was|to|ist|lautet|est|es|\xe8|\xe9):? )?" + _QUOTE
_VALUE = rb"[^\s\xa4\"'`<>,;]"
_LONG = rb"[\w+/=.~-]{20}"
_SCHEME = rb"\bbearer |authorization: ?(?:basic|token|ssws|apikey|api-key|key) "
_HEADS = (
    rb"(?:" + _SPOKEN + rb")" + _SIGN,
    rb"(?:" + _NAMED + rb")" + _ASSIGNED + rb"|" + _SCHEME,
    rb"(?:" + _NAMED + rb")" + _TOLD + rb"|" + _VENDOR_KEY + rb"(?:" + _ASSIGNED + rb"|" + _TOLD + rb")",
    rb"(?:key(?:" + _ASSIGNED + rb"|" + _TOLD + rb")|\b(?:" + _VENDOR + rb")[\w.-]{0,20}" + _SIGN + rb")",
)
_MIXED = rb"(?i:(?:" + _HEADS[2] + rb"|" + _HEADS[3] + rb")" + _LONG + rb")"
_HEAD = rb"(?i:" + _HEADS[0] + rb"|" + _HEADS[1] + rb")"
_TOKEN = re.compile(_VALUE + rb"{1,%d}" % _LONGEST)
_JUDGED = 64
_LEAST_MIXED = 20
_LETTERS_AND_DIGITS = re.compile(
    rb"(?=(?:[^\d]*\d){3})(?=[^A-Za-z]*[A-Za-z])(?:[A-Za-z0-9_~+=-]|[/.](?=[A-Za-z0-9+=]))+"
)
_RUN = re.compile(rb"[A-Za-z0-9]{16,}")
_LETTERS = re.compile(rb"(?=(?i:.*[b-df-hj-np-tv-xz]{4}))[A-Za-z0-9]{16,}")  # that no word has
_TURN = re.compile(rb"[a-z](?=[A-Z0-9])|[A-Z](?=[a-z0-9])|\d(?=[A-Za-z])")
_CASES = re.compile(rb"(?=[^A-Z]*[A-Z])[^a-z]*[a-z]")
_TURNS = re.compile(rb"(?=.{20})(?=..+[g-z])(?:[a-z]*\d+[a-z]+){3}")
_HASH = re.compile(rb"[A-Fa-f0-9-]+")
_OF_DATA = (  # keys that name a row, an object, a request
    rb"primary|foreign|partition|sort|row|shard|hash|index|unique|cache|redis|object|s3|storage|idempotency|routing"
    rb"|dedup(?:lication)?|translation|message|record|item|map|websocket"
)
_NO_OTHER_KEY = re.compile(  # it is public or one of data, or the whole name has been read
    rb"(?i)(?:(?:public|host|" + _OF_DATA + rb"|" + _KEY + rb")[ _-]?|\b(?:" + _VENDOR + rb")[ _.-])\Z"
)
_WORD_ALONE = re.compile(rb"(?i)(?:token|secret|credential) (?:\S+ \S+ )?")
_SAYS_WHOSE = re.compile(rb"(?i)(?:[\w-]|\b(?:" + _KEY + rb"|bearer|refresh|session|" + _VENDOR + rb") )\Z")
_LONGEST_NAME = 16
_NO_VALUE = re.compile(
    rb"(?i)[$%{\[(&@]|[a-z_][\w.]*[(\[]|(?:os|process|env|config|settings|self|this|secrets?|vault|var|local)[.:/]"
    rb"|[a-z_]++(?:[.-]++[a-z_]++)*+[()\[\]{}:;,.]*\Z"
    rb"|\w*(?:key|token|secret|password|str|type)[\]|?]?\Z"
    rb"|(?:your|my|the|some|new|old)[_-]|\*{3,}|[x*.#_-]+\Z|https?://|[.~]|/(?![A-Za-z0-9+/]{39}\Z)"
    rb"|(?:.{0,40}[^A-Za-z0-9])?(?:example|placeholder|changeme|redacted)"
)


@cache
def _headed() -> re.Pattern[bytes]:
    """What stands before a value, by what it says of it: compiled for the first candidate, not at the start."""
    return re.compile(rb"(?i)(?:(%b)|(%b))(?=%b)|(?:(%b)|%b)(?=%b)" % (*_HEADS[:2], _VALUE, *_HEADS[2:], _LONG))


def _entropy(value: bytes) -> float:
    """Bits in a character (Shannon)."""
    return -sum(part * log2(part) for part in (value.count(byte) / len(value) for byte in set(value)))


def _chosen(value: bytes) -> bool:
    return len(value) >= 6 and any(map(_is_letter, value)) and not value.isalpha() and len(set(value)) >= 4


def _random(value: bytes) -> bool:
    numbers = len(value) - len(value.translate(None, b"0123456789"))
    return len(value) >= 12 and numbers >= 2 and numbers < len(value) and _entropy(value) >= 3.0


def _jagged(value: bytes) -> bool:
    """Letters of both cases, and digits, that take turns as in no name."""
    return _LETTERS.fullmatch(value) is not None and 3 * len(_TURN.findall(value)) >= len(value)


def _mixed(value: bytes) -> bool:
    """Long, without anything but letters, digits and few signs, and with enough of each."""
    return len(value) >= _LEAST_MIXED and _LETTERS_AND_DIGITS.fullmatch(value) is not None and _random(value)


def _no_hash(value: bytes) -> bool:
    """Whether small and capital letters and digits, or more than hexadecimal ones, take turns in one run of it."""
    return any(_random(run) and (_CASES.match(run) or _TURNS.match(run)) for run in _RUN.findall(value))


def _is_letter(byte: int) -> bool:
    return 65 <= byte <= 90 or 97 <= byte <= 122


def check(data: bytes, start: int, end: int) -> Span | None:
    """From the word at `start`: what stands behind its sign."""
    head = _headed().match(data, start)
    found = None if head is None else _TOKEN.match(data, head.end())
    if head is None or found is None:
        return None
    left = data[max(0, start - _LONGEST_NAME) : start]
    if head.lastindex is None and _NO_OTHER_KEY.search(left):
        return None
    value = found[0].rstrip(b".)]}*|")
    judged = value[:_JUDGED]
    said = None if _WORD_ALONE.fullmatch(head[0]) and not _SAYS_WHOSE.search(left) else head.lastindex
    if said in (2, 3) and _jagged(judged):
        return head.end(), head.end() + len(value)
    if _NO_VALUE.match(judged) or not _looks_secret(judged, said):
        return None
    return head.end(), head.end() + len(value)


def _looks_secret(value: bytes, said: int | None) -> bool:
    """`said`: 1 that it is a password; 2 a token, with a sign; 3 without one; None: less than that."""
    if said == 1:
        return _chosen(value)
    if said == 2:
        return _random(value)
    return _mixed(value) and (_no_hash(value) or (said == 3 and _HASH.fullmatch(value) is not None))


SECRET = Detector(
    name="secret",
    placeholder="<secret>",
    pattern=_HEAD + rb"|" + _MIXED,
    hint=_HEAD + _VALUE + rb"{6}|" + _MIXED,
    unfinished=_VALUE + rb"+",
    led_by=rb"(?i:" + b"|".join(_HEADS) + rb")",
    longest=_LONGEST + 1,
    before=_BEFORE,
    severity=2,
    confidence=0.75,
    at_bound=as_long_as(_LONGEST),
    check=check,
)
