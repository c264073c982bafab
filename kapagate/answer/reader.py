"""A text rule at work on one answer: held to its contract and to its time, and what happens when it fails.

While a rule reads, nobody else is served. One that takes longer than texts of that length may take has failed as one
that raises has; what it found by then still holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from kapagate.answer.edits import Edits
from kapagate.answer.refusal import ContractBroken, RuleFailed
from kapagate.answer.report import Report, count
from kapagate.answer.rules import AnswerRules, Edit, TextRule

SECONDS, SECONDS_EACH = 0.5, 5e-6
"""What a rule may take of the clock for one look, and for each character that it looks at."""


class TooSlow(Exception):
    """A rule took too long, and everybody waited."""


class Reader:
    """One rule in one answer. `gone`: it failed, is lenient or not binding, and has left for good."""

    __slots__ = ("_clock", "_order", "_rules", "binding", "context", "gone", "kinds", "rule", "step", "tally")

    def __init__(self, rules: AnswerRules, rule: TextRule, order: int, report: Report) -> None:
        self.rule = rule
        self.step = rules.step
        self.binding = rules.binding
        self.kinds = rule.kinds
        self.context = rule.context
        self.gone = False
        self._rules = rules
        self._order = order
        self.tally = report.steps[rules.step]
        self._clock = report.clock or _nobody_times

    def read(self, text: str, start: int, final: bool, base: int, edits: Edits) -> int:
        """Scan, put what was found into `edits` (shadow: only count it), return `sure`. Raises RuleFailed."""
        begun = self._clock()
        try:
            found, sure = self.rule.scan(text, start, final)
            _hold_to_contract(self.rule, text, start, final, found, sure)
        except Exception as cause:
            self._leave(cause)
            return len(text)
        for edit in found:
            if self.binding:
                edits.add(edit, base, self.step, self._order)
            elif not edit.goes_on:
                self._would(edit)
        if self._clock() - begun > SECONDS + SECONDS_EACH * len(text):
            self._leave(TooSlow())
            return len(text)
        return sure

    def _would(self, edit: Edit) -> None:
        count(self.tally.would_refuse if edit.refuse else self.tally.would_edit, edit.kind)
        if edit.at_bound:
            self.tally.reached(edit.kind)

    def _leave(self, cause: Exception) -> None:
        if self.binding and not self._rules.lenient:
            raise RuleFailed(self.step, cause) from cause
        self.tally.skipped = f"text rule failed: {type(cause).__name__}"
        self.gone = True


def _nobody_times() -> float:
    return 0.0


def readers_of(rules: Sequence[AnswerRules], report: Report) -> list[Reader]:
    """A reader for each text rule. `report` knows the steps already."""
    return [Reader(each, rule, order, report) for order, each in enumerate(rules) for rule in each.texts]


def _hold_to_contract(rule: TextRule, text: str, start: int, final: bool, found: Sequence[Edit], sure: int) -> None:
    end = len(text)
    if not start <= sure <= end or (final and sure != end):
        raise ContractBroken(f"sure {sure} for {start}:{end}, final {final}")
    if end - sure > rule.reach:
        raise ContractBroken(f"{end - sure} characters undecided, reach is {rule.reach}")
    for edit in found:
        if not start <= edit.start < min(edit.end, sure) or edit.end > end:
            raise ContractBroken(f"edit {edit.start}:{edit.end} is not of {start}:{sure}, or ends behind {end}")
