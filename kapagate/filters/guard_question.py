"""`guard_question`: what is asked, before it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

import orjson
from pydantic import Field

from kapagate.answer.document import Unacceptable, replaced_all, replaced_at, strings_in, value_at
from kapagate.answer.events import Path, Place
from kapagate.answer.reader import readers_of
from kapagate.answer.refusal import Refused
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules, TextRule
from kapagate.answer.whole import edited_text
from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Invalid
from kapagate.chain.order import LOWER, Label, ranked
from kapagate.chain.problem import Problem
from kapagate.chain.route import Surface
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.verdict import Decision
from kapagate.guards.company_policy import Policy
from kapagate.guards.guard import Guard
from kapagate.guards.messages import ENGLISH
from kapagate.guards.personal import Action
from kapagate.guards.reach import within_reach
from kapagate.identity.language import language_of

_QUESTION: Final[frozenset[Surface]] = frozenset({"question"})


class GuardQuestion(Guard):
    """Bounds the length of questions and comments, and redacts or refuses what may not be asked.

    It works on every text that the operation declares: the question, the comment of a feedback. A comment that is JSON
    in a string, as Kapa's widget sends it, is read as what it holds.
    """

    max_length: Annotated[int | None, LOWER] = Field(
        None, ge=1, description="The longest text in characters; longer ones are refused."
    )
    on_blocked_term: Annotated[Action, ranked("redact", "refuse")] = Field(
        "refuse", description="`redact` puts `<blocked>` in their place."
    )

    presence: ClassVar[Label] = "tighter"

    @property
    def decisions(self) -> frozenset[Decision]:
        possible: dict[Decision, bool] = {
            "passed": True,
            "changed": not self.text_actions.isdisjoint(("redact", "mask")),
            "refused": "refuse" in self.text_actions or self.max_length is not None,
        }
        return frozenset(each for each, so in possible.items() if so)

    @property
    def demands(self) -> Mapping[tuple[str | int, ...], frozenset[Surface]]:
        wanted = self.demanded_texts(_QUESTION)
        wanted.update((("company_policy", at), _QUESTION) for at in range(len(self.company_policy)))
        if self.max_length is not None:
            wanted["max_length",] = _QUESTION
        return wanted

    def compile(self, services: Services) -> Step:
        for at, rule in enumerate(self.company_policy):
            if rule.action in ("disclaim", "withhold"):
                raise Invalid("a question is redacted or refused", ("company_policy", at, "action"))
        texts, policy = self.texts(), self.policy()
        if not texts and policy is None and self.max_length is None:
            raise Invalid("guards nothing: ask for `max_length`, `pii`, `blocked_terms` or `company_policy`", ("pii",))
        asked = {"pii": self.looks_for_data, "blocked_terms": self.blocked_terms, "company_policy": policy}
        option = next((name for name, wanted in asked.items() if wanted), "max_length")
        guard = _Guard(self.max_length, texts, policy)
        return Step(needs={"question": option}, on_request=guard.on_request, texts=guard.rules)


class _Guard:
    """The compiled guard: every declared text of a request, whole. `rules` are those for who speaks English, or no
    language that the policy has words in.
    """

    def __init__(self, max_length: int | None, texts: tuple[TextRule, ...], policy: Policy | None) -> None:
        self._max_length = max_length
        self.rules = (*texts, policy.texts(ENGLISH)) if policy else texts
        languages = policy.languages if policy else ()
        self._spoken = {each: (*texts, policy.texts(each)) for each in languages} if policy else {}

    async def on_request(self, ex: Exchange) -> None:
        if not within_reach(ex, _QUESTION) or (ex.request.body.length == 0 and not ex.route.asks_by_query):
            return
        document = guarded = await ex.document()
        rules = self._spoken.get(language_of(ex) or ENGLISH, self.rules) if self._spoken else self.rules
        for place in ex.route.texts_of(document):
            text = value_at(document, place.path)
            if isinstance(text, str) and (new := self._guarded(ex, rules, place, text)) != text:
                guarded = replaced_at(guarded, place.path, new)
        if guarded is not document:
            ex.edit = ex.edit.with_document(guarded)
            ex.verdict().outcome = "changed"

    def _guarded(self, ex: Exchange, rules: tuple[TextRule, ...], place: Place, text: str) -> str:
        """The text as it may leave. Raises Problem when it may not."""
        if self._max_length is not None and len(text) > self._max_length:
            detail = f"the {place.kind} has {len(text)} characters, {self._max_length} are allowed"
            raise Problem(problems.QUESTION_REFUSED, detail, members={"rule": "max_length"})
        if not rules:
            return text
        held = _object_in(text) if place.kind == "comment" else None
        if held is None:
            return _edited(ex, rules, place, text)
        parts = dict(_strings_of(held))
        edited = {path: _edited(ex, rules, place, part) for path, part in parts.items()}
        return text if edited == parts else orjson.dumps(replaced_all(held, edited)).decode()


def _object_in(text: str) -> dict[str, Any] | None:
    """The JSON object that a text holds, read as Kapa's adapter will read it."""
    try:
        held = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return held if isinstance(held, dict) else None


def _strings_of(held: dict[str, Any]) -> list[tuple[Path, str]]:
    try:
        return list(strings_in(held))
    except Unacceptable as cause:
        raise Problem(problems.MALFORMED_BODY, f"the JSON in the comment is not acceptable: {cause}") from cause


def _edited(ex: Exchange, texts: tuple[TextRule, ...], place: Place, text: str) -> str:
    """The text without what was found in it; every finding is counted. Raises Problem when one refuses."""
    if not any(rule.scan(text, 0, True)[0] for rule in texts):
        return text
    report, rules = Report(), (AnswerRules(step=ex.step, texts=texts),)
    report.enrol(rules)
    try:
        return edited_text(text, place.kind, readers_of(rules, report), report)
    except Refused as cause:
        what = "a blocked term" if cause.kind == "blocked_term" else f"personal data: {cause.kind}"
        detail = cause.words or f"the {place.kind} contains {what}"
        raise Problem(problems.QUESTION_REFUSED, detail, members={"rule": cause.kind}) from None
    finally:
        for kind, number in report.steps[ex.step].edits.items():
            ex.verdict().count(kind, number)
