"""What a step may contribute to an answer: a rule on its text, a limit, a rule on its records, a rule at its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from kapagate.answer.answer import Answer
from kapagate.answer.events import Event, Record, TextKind


class Edit(Struct, frozen=True):
    """Characters `start:end` of the text that was handed to `scan` become `text`.

    `kind` names the finding (`email`); overlapping edits merge, the severest wins. `refuse`: the answer is refused
    instead of edited, with these `words` where there are some. `at_bound`: the candidate was as long as the rule looks
    or waits at most, and was decided so. `goes_on`: it is more of the finding before it, and not counted again.
    """

    start: int
    end: int
    text: str
    kind: str
    severity: int = 1
    refuse: bool = False
    words: str = ""
    at_bound: bool = False
    goes_on: bool = False


class TextRule(Protocol):
    """A rule on running text that arrives in pieces, and on whole texts, which arrive as one final piece.

    `scan(text, start, final)` decides `text[start:]`; `text[:start]` is context that is decided already (at least
    `context` characters of it, unless the text begins there). It returns the edits that start in `start:sure` (they
    may end behind it), and `sure`: nothing that may still arrive changes them. `len(text) - sure <= reach`; when
    `final`, `sure == len(text)`. Edits depend on the whole text alone: any cutting gives the same edits.
    A rule is pure and shared between answers, or made for one; then what it remembers of the running text must not
    be touched by the whole texts (`start` 0, `final`) that it is given in between.

    A rule may also have `clean(texts) -> bool`: whether `scan` would edit none of these whole texts. It may say no too
    often, never yes. Without it every text is scanned.
    """

    @property
    def reach(self) -> int: ...
    @property
    def context(self) -> int: ...
    @property
    def kinds(self) -> frozenset[TextKind]: ...
    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]: ...


class Limit(Struct, frozen=True):
    """The longest answer, in characters, cut at a word; `notice` is appended (beyond the limit) when it was cut."""

    characters: int
    notice: str


EventRule = Callable[[Record], Record | None]
Absent = Callable[[bytes], bool]
EndRule = Callable[[Answer], Awaitable[Sequence[Event]]]
"""Looks at the whole answer. Returns what is appended, or raises `Withheld` or another Refusal."""


class AnswerRules(Struct, frozen=True):
    """One step's rules for one answer. Each of `texts` has a place of its own in the running text.

    `step` is the id that reports carry. A rule that is not `binding` (shadow) holds nothing back and changes
    nothing: what it would have done is counted. With `lenient` (`on_error: allow`) a rule that raises leaves the
    answer for good and is reported as skipped; without, its failure ends the answer. `absent` tells of the bytes of a
    whole answer, as they came, whether text and event rules could find nothing in them; it may say no too often.
    `decides`: some of `texts` read the running text.
    """

    step: str = ""
    texts: tuple[TextRule, ...] = ()
    limit: Limit | None = None
    event: EventRule | None = None
    end: EndRule | None = None
    binding: bool = True
    lenient: bool = False
    absent: Absent | None = None
    decides: bool = False

    def __post_init__(self) -> None:
        force_setattr(self, "decides", any("answer" in each.kinds for each in self.texts))


class Altered:
    """Rules with some fields changed. Rules that a step gives every time, as most do, are changed once."""

    __slots__ = ("_changes", "_given", "_made")

    def __init__(self, **changes: Any) -> None:
        self._changes = changes
        self._given = AnswerRules()
        self._made = self._given

    def __call__(self, rules: AnswerRules) -> AnswerRules:
        if rules is not self._given:
            self._given, self._made = rules, replace(rules, **self._changes)
        return self._made
