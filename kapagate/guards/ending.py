"""What is decided on a whole answer: whether it is withheld, and what is appended to it.

    withheld      it rests on sources alone that may not be named, or on too few; it is uncertain and `uncertain:
                  withhold`; a rule of `company_policy` says so
    disclaimed    it is uncertain and `uncertain: disclaim`; `require_approval`; a condition of `disclaim` holds; a rule
                  of `company_policy` says so; it should be withheld, has left already, and `at_end: disclaim`

Each text is appended once, in that order, as a paragraph of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from kapagate.answer.answer import Answer
from kapagate.answer.events import Event, Text
from kapagate.answer.refusal import Withheld
from kapagate.answer.report import Report, count
from kapagate.guards.company_policy import PolicyRule
from kapagate.guards.confidence import Confidence, score
from kapagate.guards.disclaimers import Disclaim
from kapagate.guards.messages import spoken
from kapagate.guards.refusal_phrases import RefusalPhrases
from kapagate.guards.sources import Seen, distinct


class Found(Struct, frozen=True):
    """What was found in one answer on its way. `report` and `step`: where it is told."""

    report: Report = field(default_factory=Report)
    step: str = ""
    seen: Seen | None = None
    phrases: RefusalPhrases | None = None
    noted: set[str] = field(default_factory=set)
    conditions: Sequence[Disclaim] = ()


class Ending(Struct, frozen=True):
    """The decisions in one language. `at_end`: what becomes of an answer that should be withheld and has left."""

    minimum: int
    confidence: Confidence
    at_end: str | None
    always: bool
    withheld: str
    disclaimer: str
    language: str
    policy: Mapping[str, PolicyRule]

    async def end(self, found: Found, answer: Answer) -> Sequence[Event]:
        """What is appended. Raises Withheld."""
        if answer.failure is not None:
            return ()
        pages = distinct(answer.sources)
        uncertain = self._is_uncertain(found, answer, pages)
        withheld = self._withheld(found, answer, pages, uncertain)
        if withheld and self.at_end != "disclaim":
            raise Withheld(self._words(withheld, self.withheld), withheld)
        texts = "\n\n".join(self._disclaimers(found, uncertain, withheld))
        return (Text(f"\n\n{texts}" if answer.characters else texts),) if texts else ()

    def _is_uncertain(self, found: Found, answer: Answer, pages: int) -> bool:
        uncertain = bool(answer.uncertain)
        if self.confidence.below is None or found.phrases is None or not answer.characters:
            return uncertain
        told = score(uncertain, pages, found.phrases.first)
        found.report.steps[found.step].score = told
        return uncertain or told < self.confidence.below

    def _withheld(self, found: Found, answer: Answer, pages: int, uncertain: bool) -> str:
        """Why it must not be said; empty when it may, or when nothing was."""
        if not answer.characters:
            return ""
        rests_on_none = found.seen is not None and found.seen.withheld and not pages
        if rests_on_none or pages < self.minimum:
            return "sources"
        if uncertain and self.confidence.uncertain == "withhold":
            return "uncertain"
        return next((kind for kind in sorted(found.noted) if self.policy[kind].action == "withhold"), "")

    def _disclaimers(self, found: Found, uncertain: bool, withheld: str) -> dict[str, None]:
        texts: dict[str, None] = {}
        if withheld or self.always or (uncertain and self.confidence.uncertain == "disclaim"):
            texts[self.disclaimer] = None
        for each in found.conditions:
            if uncertain or not each.uncertain:
                texts[spoken(each.message, self.language) if each.message else self.disclaimer] = None
        for kind in sorted(found.noted):
            if self.policy[kind].action == "disclaim":
                texts[self._words(kind, self.disclaimer)] = None
                share = found.report.steps[found.step]
                count(share.edits if share.binding else share.would_edit, kind)
        return texts

    def _words(self, kind: str, otherwise: str) -> str:
        rule = self.policy.get(kind)
        return spoken(rule.message, self.language) if rule is not None and rule.message else otherwise
