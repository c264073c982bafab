"""The text that a webhook's signature is made over: `{id}.{timestamp}.{body}`.

A signature says nothing of where the parts of its text begin and end. So a template is accepted only when a text can
be taken apart in one way: the body stands in it once and so does each other field; between two fields there is a
separator of punctuation; and no id may have a separator's characters in it (times have digits only). Otherwise who
holds one good message could say that the end of its id, or the beginning of its body, is the time.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable

from msgspec import Struct

NAMES = ("id", "timestamp", "body")
_PARTS = re.compile(r"\{([a-z]+)\}")
_PUNCTUATION = frozenset(string.punctuation) - frozenset("{}")
LONGEST = 128


class Template(Struct, frozen=True):
    """`parts`: literals as bytes, fields as their names. `separators`: the characters that stand between fields."""

    parts: tuple[bytes | str, ...]
    separators: frozenset[int]

    @classmethod
    def parsed(cls, text: str) -> Template:
        """Raises ValueError with a sentence."""
        if len(text) > LONGEST or not (text.isascii() and text.isprintable()):
            raise ValueError(f"a template has at most {LONGEST} printable ASCII characters")
        pieces = _PARTS.split(text)  # a literal, a name, a literal, ...
        literals, names = pieces[::2], pieces[1::2]
        _check(literals, names)
        parts = tuple(
            part if index % 2 else part.encode("ascii") for index, part in enumerate(pieces) if index % 2 or part
        )
        return cls(parts, frozenset("".join(literals[1:-1]).encode("ascii")))

    @property
    def names(self) -> frozenset[str]:
        """The fields that it takes."""
        return frozenset(part for part in self.parts if isinstance(part, str))

    def filled(self, identifier: bytes, timestamp: bytes, body: bytes) -> Iterable[bytes]:
        """The text, in pieces: no body is copied."""
        said = {"id": identifier, "timestamp": timestamp, "body": body}
        return [said[part] if isinstance(part, str) else part for part in self.parts]


def _check(literals: list[str], names: list[str]) -> None:
    for name in names:
        if name not in NAMES:
            raise ValueError(f"a template knows {{id}}, {{timestamp}} and {{body}}, not {{{name}}}")
        if names.count(name) > 1:
            raise ValueError(f"a template has {{{name}}} once")
    if "body" not in names:
        raise ValueError("a template without {body} would sign nothing of what is delivered")
    if any("{" in literal or "}" in literal for literal in literals):
        raise ValueError("a template has braces only around {id}, {timestamp} and {body}")
    for between in literals[1:-1]:
        if not between or not _PUNCTUATION.issuperset(between):
            raise ValueError("between two fields of a template stands punctuation, such as '.' or ':'")
