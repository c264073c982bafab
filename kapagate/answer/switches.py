"""Steps that are switched off while their answer flows.

An answer ends under the policy that it began with: what a later one says otherwise is for later answers. But a guard
that is taken out of force altogether, as in an incident, has to let go of the answers under way too. So a flow asks,
once for every policy that comes, which of its steps that one has switched off. These leave for good, as rules that
failed do, and what they have found by then still holds; one that may not fail ends the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from kapagate.answer.refusal import RuleFailed
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules

SWITCHED_OFF: Final = "switched_off"
"""Why the rules of such a step were skipped."""


class SwitchedOff(Exception):
    """A step was switched off under way, so that nothing more may be said in its name."""


class InForce(Protocol):
    """What is in force: `generation` is another object once another policy is."""

    @property
    def generation(self) -> object: ...


class Switches(Protocol):
    """What one answer has to know of policies that came after its own. `known`: the generation that was asked last."""

    @property
    def live(self) -> InForce: ...
    @property
    def known(self) -> object: ...
    def off(self) -> Mapping[str, bool]:
        """Asks the policy in force: the steps that it has switched off, and whether the answer may go on without."""


def leaving(off: Mapping[str, bool], rules: Sequence[AnswerRules], report: Report) -> frozenset[str]:
    """Those of the steps that bind here: they are noted as skipped. Raises RuleFailed where one may not leave."""
    leave = frozenset(each.step for each in rules if each.binding and each.step in off)
    for step in sorted(leave):
        if not off[step]:
            raise RuleFailed(step, SwitchedOff())
        share = report.steps[step]
        share.skipped = share.skipped or SWITCHED_OFF
    return leave
