"""`guard_answer`: what is said, streamed or not, before it reaches the client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kapagate.answer.answer import Answer
from kapagate.answer.events import Event, Text
from kapagate.answer.rules import AnswerRules, Limit
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter, Invalid
from kapagate.chain.route import Surface
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.guards.personal import PersonalData
from kapagate.guards.reach import within_reach


class Confidence(BaseModel):
    """What happens to answers that Kapa itself calls uncertain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uncertain: Literal["allow", "disclaim"] = Field("allow", description="`disclaim` appends the disclaimer.")


class GuardAnswer(Filter):
    """Redacts or refuses personal data in answers, cuts them at a length, and disclaims uncertain ones.

    Streams and whole answers get the same verdict, however the bytes are cut. Titles of sources, passages and
    documents pass the same rules, whole; the length is that of the answer alone. An upstream's error keeps its status:
    personal data in it is redacted, also where answers would be refused.
    """

    pii: Literal["allow", "redact", "refuse"] = Field(
        "redact", description="What happens to personal data and secrets: `redact` puts `<email>` in their place."
    )
    max_response_length: int | None = Field(
        None, ge=1, description="The longest answer in characters; longer ones are cut at a word."
    )
    cut_notice: str = Field(" […]", max_length=500, description="What stands after an answer that was cut.")
    confidence: Confidence = Field(Confidence(), description="What happens to uncertain answers.")
    disclaimer: str = Field(
        "This answer may be incomplete. Please check it against the documentation.",
        min_length=1,
        max_length=2000,
        description="The paragraph that is appended to answers that are disclaimed.",
    )

    def compile(self, services: Services) -> Step:
        needs = self._needs()
        if not needs:
            raise Invalid(
                "guards nothing: `pii`, `max_response_length` or `confidence` must ask for something", ("pii",)
            )
        guard = _Guard(self._rules(), frozenset(needs))
        return Step(needs=needs, on_request=guard.on_request, on_answer=guard.on_answer)

    def _needs(self) -> dict[Surface, str]:
        needs: dict[Surface, str] = {}
        if self.pii != "allow":
            needs["answer text"] = "pii"
        if self.max_response_length:
            needs["running text"] = "max_response_length"
        if self.confidence.uncertain == "disclaim":
            needs["uncertainty"] = "confidence"
        return needs

    def _rules(self) -> AnswerRules:
        return AnswerRules(
            text=None if self.pii == "allow" else PersonalData(action=self.pii),
            limit=Limit(self.max_response_length, self.cut_notice) if self.max_response_length else None,
            end=self._disclaim if self.confidence.uncertain == "disclaim" else None,
        )

    async def _disclaim(self, answer: Answer) -> Sequence[Event]:
        if not answer.uncertain or answer.failure is not None:
            return ()
        return (Text(f"\n\n{self.disclaimer}" if answer.characters else self.disclaimer),)


class _Guard:
    """The compiled guard. Its rules are the same for every answer, and milder for an upstream's errors."""

    def __init__(self, rules: AnswerRules, surfaces: frozenset[Surface]) -> None:
        self._rules = rules
        self._on_errors = AnswerRules(text=PersonalData()) if rules.text else None
        self._surfaces = surfaces

    async def on_request(self, ex: Exchange) -> None:
        within_reach(ex, self._surfaces)

    def on_answer(self, ex: Exchange) -> AnswerRules | None:
        is_error = ex.response is not None and ex.response.status >= 400
        return self._on_errors if is_error else self._rules
