"""E-mail addresses that are written out: `jane [at] example dot com`, `jane(at)example.com`."""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span
from kapagate.guards.fold import CASED

_LOCAL_MAX = 64
_LONGEST_RIGHT = 120
_WORD = rb"[\w" + CASED + rb"]"
_LOCAL = re.compile(rb"(?:" + _WORD + rb"|[.%+'-])+\Z")
_AT = rb"(?i: ?[\[({<] ?(?:at|\xe4t|arroba|@) ?[\])}>] ?)"
_DOT = rb"(?i: ?[\[({<] ?(?:dot|punkt|punto|point|\.) ?[\])}>] ?| (?:dot|punkt|punto|point) )"
_LABEL = rb"[A-Za-z0-9" + CASED + rb"](?:[A-Za-z0-9" + CASED + rb"-]{0,40}[A-Za-z0-9" + CASED + rb"])?"
_TOP = rb"(?i:com|org|net|edu|gov|info|io|dev|app|ai|[a-z]{2,3}|example|test|invalid)\b"
_ANY_TOP = rb"[A-Za-z" + CASED + rb"]{2,24}(?![A-Za-z0-9])"
_BRACKETED = re.compile(_LABEL + rb"(?:(?:" + _DOT + rb"|\.)" + _LABEL + rb"){0,4}(?:" + _DOT + rb"|\.)" + _ANY_TOP)
_SPOKEN = re.compile(rb" ?" + _LABEL + rb"(?:" + _DOT + _LABEL + rb"){0,4}" + _DOT + _TOP)
_WORDS = rb"(?:" + _WORD + rb"|-)+"
_PART_OF_DOT = rb" ?[\[({<]? ?(?i:d|do|dot|p|po|poi|poin|point|pu|pun|punk|punkt|punt|punto|\.)? ?"
_PART_OF_AT = (
    rb" | ?[\[({<] ?[A-Za-z\xe4@]{0,6} ?| [Aa]"
    rb"| [Aa][Tt](?: (?:%b(?:%b%b)*(?:%b|%b)?)?)?"
    % (_WORDS, _DOT, _WORDS, _DOT, _PART_OF_DOT)
    + rb"|%b(?:%b(?:(?:%b|\.)%b)*(?:%b|\.|%b)?)?" % (_AT, _WORDS, _DOT, _WORDS, _DOT, _PART_OF_DOT)
)
_NOWHERE = re.compile(rb"(?i) ?(?:the|an?|this|that|your|our|one|some|any|no|each|every|which|what|first|last)\b")
_NOBODY = re.compile(rb"(?i)(?:look|looks|is|are|available|hosted|visit|us|me|found|site|page|live|online|it|docs)\Z")


def check(data: bytes, start: int, end: int) -> Span | None:
    """From the `at` at `start`: the local part on its left, the spelled domain on its right."""
    spoken = data[start : start + 4].lower() == b" at " and data[start + 4 : start + 5] not in b"[({<"
    end = start + 4 if spoken else end - 1
    local = _LOCAL.search(data[max(0, start - _LOCAL_MAX) : start])
    domain = (_SPOKEN if spoken else _BRACKETED).match(data[end : end + _LONGEST_RIGHT])
    if local is None or domain is None or (spoken and (_NOBODY.match(local[0]) or _NOWHERE.match(domain[0]))):
        return None
    name = local[0].lstrip(b".%+'-")
    return (start - len(name), end + domain.end()) if name else None


EMAIL_SPELLED = Detector(
    name="email_spelled",
    kind="email",
    placeholder="<email>",
    pattern=_AT + rb"[A-Za-z0-9" + CASED + rb"]|(?i: at )[A-Za-z0-9" + CASED + rb"-]+" + _DOT,
    unfinished=rb"(?:" + _WORD + rb"|[.%+'-])+(?:" + _PART_OF_AT + rb")?",
    longest=_LOCAL_MAX + 7 + _LONGEST_RIGHT + 12,
    before=_LOCAL_MAX,
    confidence=0.85,
    at_bound=lambda found: len(found) >= _LOCAL_MAX and _LOCAL.match(found[:_LOCAL_MAX]) is not None,
    check=check,
)
