"""Names of people, by the words before them alone: `my name is`, `Mr.`, `Frau`, in eight languages.

There is no list of names here and no model: names in the middle of a sentence are not found.
"""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span, as_long_as

_BEFORE = 32
_LONGEST = 96
_UPPER = rb"[A-Z\xc0-\xd6\xd8-\xde\xe9]"
_LOWER = rb"[a-z\xb5\xdf-\xff]"
_PART = _UPPER + rb"(?:" + _LOWER + rb"|['-]" + _UPPER + rb"?){1,24}"
_ANY = _UPPER + rb"[A-Za-z\xb5\xc0-\xff'.-]*"
_INITIAL = rb"[A-Z]\."
_PARTICLE = rb"(?:van|von|de|der|den|del|della|di|da|dos|la|le|bin|al|el|zu)"
_BETWEEN = rb"(?: " + _PARTICLE + rb"){0,2}"
_PART_OF_PARTICLE = rb"(?:v|va|vo|d|dell?|do|l|b|bi|a|e|z)?"
_WORDS = (
    rb"\b(?:(?i:my (?:full )?name is|mein name ist|ich hei(?:\xdf|ss)e|je m'appelle|mon nom est|me llamo|mi nombre es"
    rb"|mi chiamo|il mio nome \xe8|mijn naam is|ik heet|meu nome \xe9|me chamo|nazywam si\xe9)"
    rb"|(?:Mr|Mrs|Ms|Mx|Miss|Dr|Prof|Herrn?|Frau|Mme|Mlle|Se\xf1ora?|Sra?|Signora?|Sig|Mevrouw|Dhr|Mevr|Pani)\.?) "
)
_NAME = re.compile(
    rb"(?:" + _PART + rb"|" + _INITIAL + rb")(?:" + _BETWEEN + rb" (?:" + _PART + rb"|" + _INITIAL + rb")){0,3}"
)
_NOBODY = re.compile(rb"(?:The|This|That|And|Or|Not|No|It|In|Is|A|An|If|We|You|I|He|She|They|SQL|API|Docker|Test)\b")


def check(data: bytes, start: int, end: int) -> Span | None:
    """The name behind the words at `start:end`, whose first letter is the last of them."""
    end -= 1
    found = _NAME.match(data, end, end + _LONGEST)
    if found is None or _NOBODY.match(found[0]):
        return None
    name = found[0].rstrip(b"'-")
    return None if name.endswith(b".") and len(name) < 3 else (end, end + len(name))


_UNFINISHED = _ANY + rb"(?: (?:%b )*%b)*(?: (?:%b(?: |\z))*%b)?" % (_PARTICLE, _ANY, _PARTICLE, _PART_OF_PARTICLE)

NAME = Detector(
    name="name",
    placeholder="<name>",
    pattern=_WORDS + _UPPER,
    unfinished=_UNFINISHED,
    led_by=_WORDS,
    longest=_LONGEST + 1,
    before=_BEFORE,
    confidence=0.7,
    at_bound=as_long_as(_LONGEST),
    check=check,
)  # fmt: skip
