"""Keys and tokens of known shapes, JSON web tokens and private key blocks.

Each shape is a prefix that its vendor publishes, and the characters and length of what follows. A finding starts where
no word goes on to the left, and ends with its characters: what is longer than `longest` is redacted up to there. Where
the vendor publishes a check as well (`vendors.py`), a key with a right one is found wherever it stands, in the middle
of a word too. One with a wrong one is a key by its shape: mistyped, or made up as those in documentation are.
"""

from __future__ import annotations

import re
from functools import cache

from kapagate.guards.detector import Detector, Span
from kapagate.guards.key_shapes import LONGEST_NESTING, NESTING, SHAPES
from kapagate.guards.vendors import CHECKED, verified

_LONGEST = 8192

_PREFIX = rb"\b(?:" + b"|".join(prefix for prefix, _ in SHAPES) + rb")"
_LONG_PREFIX = (
    rb"\bhttps:/{0,2}(?:[A-Za-z][\w.-]{0,15})?|\b\d{1,16}[:|]?A?|\b[012]/[\d/]{1,42}:[a-f0-9]{0,32}"
    rb"|\bFlyV1(?: f?m?[12]?[ar]?)?|\b[A-Za-z0-9]{14}\.[a-z0-9.]{0,9}|\b(?:[MNO]|pat)[A-Za-z0-9]{1,25}\.?"
    rb"|\b[a-f0-9]{1,32}(?:-(?:u|[a-f0-9]{1,8}-?)?)?|\b[A-Za-z0-9]{6}_[A-Za-z0-9]{0,29}_?m{0,2}"
    rb"|\bv1\.0-[a-f0-9]{0,24}-?|\baccess-[a-z]{0,11}-?|\bwebhook(?:s/?|b2(?:/[\w@/-]{0,230})?)"
    rb"|\b[A-Za-z0-9]{1,58}|\baccess_token(?:\$[a-z]{0,10}\$?)?|\bsecret-[a-z]{0,4}-?"
)
"""At the end of a text: what may become a prefix of more than 16 characters."""
_PART_OF_CHECKED = rb"g(?:h[pousr]?|l|ls|lsa)?|n(?:p|pm)?|k|kg|(?:gh[pousr]|npm|glsa|kg)_\w{0,80}"
_NESTED = re.compile(b"|".join(prefix for prefix, rest in SHAPES if rest.endswith(NESTING)))

_BREAK = rb"(?:\s|\\[nr])"
_PEM_HEAD = rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PEM_BODY = (
    rb"(?:" + _BREAK + rb"+(?:Proc-Type|DEK-Info|Version|Comment|Charset|Hash): ?[^\\\n]{0,80}){0,4}"
    rb"(?:" + _BREAK + rb"+[A-Za-z0-9+/=]{16,})*"
)
_PEM = re.compile(
    _PEM_HEAD + rb"(?:" + _PEM_BODY + _BREAK + rb"+(?:[A-Za-z0-9+/=]{1,15}" + _BREAK + rb"+)?-----END [A-Z ]{0,50}-----"
    rb"|(?:" + _PEM_BODY + rb"))"
)
_OPEN_BREAK = rb"(?:" + _BREAK + rb"|\\)*"
_PEM_EMPTY = re.compile(_PEM_HEAD)
_DIGIT = re.compile(rb"\d")
_FILLED, _LEAST_SIGNS = 16, 2  # what ends in xxxxxxxxxxxxxxxx is to be filled in
_LETTERS = re.compile(rb"[A-Z]{20}|\w+_[A-Za-z]{34}")  # AWS, Hugging Face: in one case by accident


@cache
def _key() -> re.Pattern[bytes]:
    """All shapes: compiled for the first candidate, not at the start."""
    return re.compile(b"|".join(rb"%s(?:%s)" % shape for shape in SHAPES))


def _block(data: bytes, start: int) -> Span | None:
    found = _PEM.match(data, start, start + _LONGEST)
    return None if found is None or _PEM_EMPTY.fullmatch(found[0]) else found.span()


def _random(key: bytes) -> bool:
    if len(set(key[-_FILLED:])) < _LEAST_SIGNS:
        return False
    mixed = not (key.islower() or key.isupper()) or _DIGIT.search(key) is not None
    return mixed or _LETTERS.fullmatch(key) is not None


def check(data: bytes, start: int, end: int) -> Span | None:
    if data[start : start + 1] == b"-":
        return _block(data, start)
    if (end := verified(data, start)) > start:
        return start, end
    left = data[max(0, start - 1) : start]
    found = None if left.isalnum() or left in (b"-", b"_") else _key().match(data, start, start + _LONGEST)
    if found is None or not _random(found[0]):
        return None
    goes_on = data[found.end() : found.end() + 1].isalnum() and found.end() - start < LONGEST_NESTING
    return None if goes_on else found.span()


def _at_bound(found: bytes) -> bool:
    """A block may have been cut at a line's end."""
    if found.startswith(b"-"):
        return len(found) >= _LONGEST - 2
    return len(found) >= _LONGEST or (len(found) >= LONGEST_NESTING and _NESTED.match(found) is not None)


API_KEY = Detector(
    name="api_key",
    placeholder="<api_key>",
    pattern=_PREFIX + rb"[\w-]|" + CHECKED + rb"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY",
    unfinished=(
        _PREFIX
        + rb"[\w.,+/=~|%$-]*|\b\w[\w.~-]{0,15}|"
        + _LONG_PREFIX
        + rb"|"
        + _PART_OF_CHECKED
        + rb"|-{1,4}|-----(?:B(?:E(?:G(?:I(?:N(?: [A-Z ]{0,60}-{0,5})?)?)?)?)?)?"
        rb"|" + _PEM_HEAD + _PEM_BODY + _OPEN_BREAK + rb"[A-Za-z0-9+/=]{0,15}" + _OPEN_BREAK + rb"[A-Za-z -]{0,70}"
    ),
    longest=_LONGEST + 1,
    before=1,
    severity=4,
    confidence=0.97,
    at_bound=_at_bound,
    check=check,
)
