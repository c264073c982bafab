"""`guard_question`: what is asked, before it leaves."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from kapagate.answer.document import replaced_at, value_at
from kapagate.answer.events import Place
from kapagate.answer.reader import readers_of
from kapagate.answer.refusal import Refused
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules, TextRule
from kapagate.answer.whole import edited_text
from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter
from kapagate.chain.problem import Problem
from kapagate.chain.response import Response
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.guards.personal import PersonalData


class GuardQuestion(Filter):
    """Bounds the length of questions and comments, and redacts or refuses personal data in them.

    It works on every text that the operation declares: the question, the comment of a feedback.
    """

    max_length: int | None = Field(None, ge=1, description="The longest text in characters; longer ones are refused.")
    pii: Literal["allow", "redact", "refuse"] = Field(
        "redact", description="What happens to personal data and secrets: `redact` puts `<email>` in their place."
    )

    def compile(self, services: Services) -> Step:
        rule = None if self.pii == "allow" else PersonalData(action=self.pii)
        asked_for = "pii" if rule else "max_length"
        return Step(needs={"question": asked_for}, on_request=_Guard(self.max_length, rule).on_request)


class _Guard:
    """The compiled guard: every declared text of a request, whole."""

    def __init__(self, max_length: int | None, rule: TextRule | None) -> None:
        self._max_length = max_length
        self._rule = rule

    async def on_request(self, ex: Exchange) -> Response | None:
        if not ex.route.texts:
            verdict = ex.verdict()
            verdict.outcome = "skipped"
            verdict.reason = "uninspectable" if "question" in ex.route.hides else "nothing to guard"
            return None
        document = await ex.document()
        guarded = document
        for place in ex.route.texts:
            text = value_at(document, place.path)
            if isinstance(text, str):
                guarded = self._guarded(ex, guarded, place, text)
        if guarded is not document:
            ex.edit = ex.edit.with_document(guarded)
            ex.verdict().outcome = "changed"
        return None

    def _guarded(self, ex: Exchange, document: Any, place: Place, text: str) -> Any:
        if self._max_length is not None and len(text) > self._max_length:
            detail = f"the {place.kind} has {len(text)} characters, {self._max_length} are allowed"
            raise Problem(problems.QUESTION_REFUSED, detail, members={"rule": "max_length"})
        if self._rule is None or place.kind not in self._rule.kinds:
            return document
        found, _ = self._rule.scan(text, 0, True)
        return replaced_at(document, place.path, _edited(ex, self._rule, place, text)) if found else document


def _edited(ex: Exchange, rule: TextRule, place: Place, text: str) -> str:
    """The text without what was found in it; every finding is counted. Raises Problem when one refuses."""
    report, rules = Report(), (AnswerRules(step=ex.step, text=rule),)
    report.enrol(rules)
    try:
        return edited_text(text, place.kind, readers_of(rules, report), report)
    except Refused as cause:
        detail = f"the {place.kind} contains personal data: {cause.kind}"
        raise Problem(problems.QUESTION_REFUSED, detail, members={"rule": cause.kind}) from None
    finally:
        for kind, number in report.steps[ex.step].edits.items():
            ex.verdict().count(kind, number)
