"""`guard_answer`: what is said, streamed or not, before it reaches the client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kapagate.answer.answer import Answer
from kapagate.answer.events import Event, Text
from kapagate.answer.rules import AnswerRules, Limit
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter
from kapagate.chain.response import Response
from kapagate.chain.route import Surface
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.guards.personal import PersonalData


class Confidence(BaseModel):
    """What happens to answers that Kapa itself calls uncertain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uncertain: Literal["allow", "disclaim"] = Field("allow", description="`disclaim` appends the disclaimer.")


class GuardAnswer(Filter):
    """Redacts or refuses personal data in answers, cuts them at a length, and disclaims uncertain ones.

    Streams and whole answers get the same verdict, however the bytes are cut. Titles of sources, passages and
    documents pass the same rules, whole; the length is that of the answer alone.
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
        rules = AnswerRules(
            text=None if self.pii == "allow" else PersonalData(action=self.pii),
            limit=Limit(self.max_response_length, self.cut_notice) if self.max_response_length else None,
            end=self._disclaim if self.confidence.uncertain == "disclaim" else None,
        )
        needs: dict[Surface, str] = {}
        if rules.text or rules.limit:
            needs["answer text"] = "pii" if rules.text else "max_response_length"
        if rules.end:
            needs["uncertainty"] = "confidence"

        async def on_request(ex: Exchange) -> Response | None:
            if needs.keys().isdisjoint(ex.route.shows):
                verdict = ex.verdict()
                verdict.outcome = "skipped"
                hidden = not needs.keys().isdisjoint(ex.route.hides)
                verdict.reason = "uninspectable" if hidden else "nothing to guard"
            return None

        return Step(needs=needs, on_request=on_request, on_answer=lambda ex: rules)

    async def _disclaim(self, answer: Answer) -> Sequence[Event]:
        if not answer.uncertain or answer.failure is not None:
            return ()
        return (Text(f"\n\n{self.disclaimer}"),)
