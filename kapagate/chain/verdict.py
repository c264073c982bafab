"""What each step decided about one exchange: the line that audit and metrics stand on."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

Outcome = Literal["passed", "changed", "answered", "refused", "skipped", "failed"]
Decision = Literal["passed", "changed", "answered", "refused", "withheld", "skipped", "failed"]
"""The outcome of a step on request and answer together."""


class Verdict(Struct):
    """One step's decision. `mode` shadow: it only would have. `counts` are findings by kind (`email`: 2). `rule`: which
    one of the step a shadow would have refused by.
    """

    outcome: Outcome = "passed"
    reason: str = ""
    mode: Literal["enforce", "shadow"] = "enforce"
    counts: dict[str, int] = field(default_factory=dict)
    rule: str = ""

    def count(self, kind: str, number: int = 1) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + number


PASSED = Verdict()
"""The verdict that most steps come to: shared, never written. `Exchange.verdict` gives a step one of its own."""
