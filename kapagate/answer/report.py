"""What was done to one answer: the figures of the audit, and the only ground on which it may say `enforced`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct, field

from kapagate.answer.events import Event, Identifiers, Text, Uncertain
from kapagate.answer.rules import AnswerRules

Counts = dict[str, int]
"""How often, by kind. A plain dictionary: a Counter takes twenty times as long to make, and nearly all stay empty."""


def count(counts: Counts, kind: str, times: int = 1) -> None:
    counts[kind] = counts.get(kind, 0) + times


class StepReport(Struct):
    """One step's share. Counters are keyed by the kind of finding (`email`, `limit`, `record`, `end`).

    `checked`: characters of the running text that its text rule has decided; None without such a rule.
    `skipped`: why one of its rules left the answer for good. `score`: how sure the answer seems, from 0 to 1, where the
    step asks for it. `at_bound`: findings that were as long as a rule looks or waits at most, of those that are counted
    elsewhere here; None: none, as nearly always.
    """

    binding: bool = True
    checked: int | None = None
    edits: Counts = field(default_factory=dict)
    would_edit: Counts = field(default_factory=dict)
    would_refuse: Counts = field(default_factory=dict)
    skipped: str | None = None
    end_is_due: bool = False
    score: float | None = None
    at_bound: Counts | None = None

    def reached(self, kind: str, times: int = 1) -> None:
        """Note findings that were decided at their bound."""
        if self.at_bound is None:
            self.at_bound = {}
        count(self.at_bound, kind, times)


class Report(Struct):
    """Filled by the window and the pump while the answer flows; readable at any time.

    `seen`: characters of running text that arrived. `released`: how many of them were decided and left the window,
    edited or not. `delivered`: characters of running text given to the wire, notices and disclaimers included.
    `held_back`: the most characters that waited at once. `cut`: the step whose limit ended the text.
    `withheld`: the step at whose end rule's word something else was said.
    `dropped`: records that came after the closing one. `uncertain`: the delivered answer calls
    itself that. `listen` is given every delivered piece of running text. `identifiers` are those that leave with the
    next piece; whoever takes note of them takes them away. `clock` times text rules, in seconds; None: nobody does.
    """

    seen: int = 0
    released: int = 0
    delivered: int = 0
    held_back: int = 0
    cut: str | None = None
    withheld: str | None = None
    dropped: int = 0
    uncertain: bool = False
    steps: dict[str, StepReport] = field(default_factory=dict)
    listen: Callable[[str], None] | None = None
    identifiers: Mapping[str, Any] | None = None
    clock: Callable[[], float] | None = None

    def enrol(self, rules: Iterable[AnswerRules]) -> None:
        """Take up the steps that contribute rules, before the first event."""
        for each in rules:
            step = self.steps.get(each.step)
            if step is None:
                step = self.steps[each.step] = StepReport()
            step.binding = each.binding
            step.end_is_due = step.end_is_due or each.end is not None
            if each.decides:
                step.checked = 0

    def passed(self, rules: Iterable[AnswerRules], characters: int) -> None:
        """Note that all running text arrived at once, and that every rule let it pass as it is."""
        self.seen = self.released = characters
        for each in rules:
            if each.decides:
                self.steps[each.step].checked = characters

    def tell(self, event: Event) -> None:
        if isinstance(event, Text):
            self.delivered += len(event.text)
            if self.listen is not None:
                self.listen(event.text)
        elif isinstance(event, Identifiers):
            before = self.identifiers
            self.identifiers = event.value if before is None else {**before, **event.value}
        elif isinstance(event, Uncertain) and event.value:
            self.uncertain = True

    def enforced(self, step: str) -> bool:
        """Whether all rules of the step held on everything that was delivered."""
        share = self.steps.get(step)
        if share is None or not share.binding or share.skipped is not None or share.end_is_due:
            return False
        return share.checked is None or share.checked >= self.released
