"""The gateway's own key for Kapa must not come back: a rule on every answer, whatever the policy's guards are.

Texts go through the window, so that a key which comes in pieces is found as well; all other strings of a record
(addresses, identifiers) and the keys of its objects are looked at whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from kapagate.answer.document import keys_in, replaced_all, strings_in
from kapagate.answer.events import Record, TextKind
from kapagate.answer.rules import AnswerRules, Edit

PLACEHOLDER = "<secret>"
_SEVEREST = 1_000
_TEXTS: frozenset[TextKind] = frozenset(("question", "answer", "title", "passage", "comment", "other"))


def rules_against(key: str, step: str) -> AnswerRules:
    """Rules that put `<secret>` in the place of a key; `step` is what reports call them."""
    own = OwnKey(key)
    return AnswerRules(step=step, texts=(own,), event=own.without, absent=own.absent)


class OwnKey:
    """A text rule (`kapagate.answer.rules.TextRule`) that finds one literal text."""

    __slots__ = ("_key", "_signs", "_written", "context", "kinds", "reach")

    def __init__(self, key: str) -> None:
        self._key = key
        self._written = orjson.dumps(key)[1:-1]
        self._signs = (self._written, b"\\u", b"\\/")
        self.kinds = _TEXTS
        self.reach = len(key)
        self.context = 0

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        edits, key = [], self._key
        at = text.find(key, start)
        while at >= 0:
            edits.append(Edit(at, at + len(key), PLACEHOLDER, "own_key", _SEVEREST))
            at = text.find(key, at + 1)
        return edits, len(text) if final else self._sure(text, start)

    def clean(self, texts: Sequence[str]) -> bool:
        """Whether none of these whole texts has the key."""
        return not any(self._key in text for text in texts)

    def absent(self, data: bytes) -> bool:
        """Whether JSON has it neither as we would write it nor, perhaps, in other escapes (RFC 8259, 7)."""
        return not any(sign in data for sign in self._signs)

    def without(self, record: Record) -> Record:
        """The record without the key in any of its strings, and in the keys of its objects."""
        if self._written not in orjson.dumps(record.value):
            return record
        texts = (*strings_in(record.value), *keys_in(record.value))
        found = {path: text.replace(self._key, PLACEHOLDER) for path, text in texts if self._key in text}
        return record.with_value(replaced_all(record.value, found)) if found else record

    def _sure(self, text: str, start: int) -> int:
        """Where the longest end of the text begins that the key may begin with."""
        place = max(start, len(text) - len(self._key) + 1)
        while place < len(text) and not self._key.startswith(text[place:]):
            place += 1
        return place
