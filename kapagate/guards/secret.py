"""Secrets without a known shape, behind a word that says what they are: `password: ...`, `TOKEN=...`, `Bearer ...`.

The value must look chosen or random: letters with digits or signs for a password, and enough different characters for
a token. Names of variables, calls, paths and words to be filled in stay.
"""

from __future__ import annotations

import re
from math import log2

from kapagate.guards.detector import Detector, Span, as_long_as

_LONGEST = 512
_BEFORE = 48
_SPOKEN = (
    rb"password|passwd|passphrase|passcode|pwd|passwort|kennwort|mot de passe|contrase\xf1a|wachtwoord|senha|has\xe9o"
)
_NAMED = (
    rb"secret|token|api[ _-]?key|ac(?:cess|count)[ _-]?key|secret[ _-]?key|private[ _-]?key|auth[ _-]?key"
    rb"|client[ _-]?secret|credential"
)
_SIGN = rb"[\"'`*]{0,3}\s{0,2}(?::=|=>|[:=])\s{0,2}[\"'`*]{0,3}"
_VALUE = rb"[^\s\xa4\"'`<>,;]"
_HEAD = rb"(?i:(?:" + _SPOKEN + rb"|" + _NAMED + rb")" + _SIGN + rb"|\bbearer |authorization: ?basic )"
_HEADED = re.compile(
    rb"(?i)(?:((?:"
    + _SPOKEN
    + rb")"
    + _SIGN
    + rb")|(?:"
    + _NAMED
    + rb")"
    + _SIGN
    + rb"|\bbearer |authorization: ?basic )"
)
_TOKEN = re.compile(_VALUE + rb"{1,%d}" % _LONGEST)
_JUDGED = 64
_NO_VALUE = re.compile(
    rb"(?i)[$%{\[(&@]|[a-z_][\w.]*[(\[]|(?:os|process|env|config|settings|self|this|secrets?|vault|var|local)[.:/]"
    rb"|[a-z_]++(?:[.-]++[a-z_]++)*+[()\[\]{}:;,.]*\Z"
    rb"|\w*(?:key|token|secret|password|str|type)[\]|?]?\Z"
    rb"|(?:your|my|the|some|new|old)[_-]|\*{3,}|[x*.#_-]+\Z|https?://|[./~]"
    rb"|(?:.{0,40}[^A-Za-z0-9])?(?:example|placeholder|changeme|redacted)"
)


def _entropy(value: bytes) -> float:
    """Bits in a character (Shannon)."""
    return -sum(part * log2(part) for part in (value.count(byte) / len(value) for byte in set(value)))


def _chosen(value: bytes) -> bool:
    return len(value) >= 6 and any(map(_is_letter, value)) and not value.isalpha() and len(set(value)) >= 4


def _random(value: bytes) -> bool:
    numbers = len(value) - len(value.translate(None, b"0123456789"))
    return len(value) >= 12 and numbers >= 2 and numbers < len(value) and _entropy(value) >= 3.0


def _is_letter(byte: int) -> bool:
    return 65 <= byte <= 90 or 97 <= byte <= 122


def check(data: bytes, start: int, end: int) -> Span | None:
    """From the word at `start`: what stands behind its sign."""
    head = _HEADED.match(data, start, end)
    found = _TOKEN.match(data, end)
    if head is None or found is None:
        return None
    value = found[0].rstrip(b".)]}*")
    judged = value[:_JUDGED]
    if _NO_VALUE.match(judged) or not (_chosen(judged) if head[1] else _random(judged)):
        return None
    return end, end + len(value)


SECRET = Detector(
    name="secret",
    placeholder="<secret>",
    pattern=_HEAD,
    hint=_HEAD + _VALUE + rb"{6}",
    unfinished=_VALUE + rb"+",
    led_by=_HEAD,
    longest=_LONGEST + 1,
    before=_BEFORE,
    severity=2,
    confidence=0.75,
    at_bound=as_long_as(_LONGEST),
    check=check,
)
