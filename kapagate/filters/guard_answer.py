"""`guard_answer`: what is said, streamed or not, before it reaches the client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kapagate.answer.answer import Answer
from kapagate.answer.events import Event, Text
from kapagate.answer.refusal import Withheld
from kapagate.answer.rules import AnswerRules, Limit, TextRule
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter, Invalid
from kapagate.chain.order import FEWER, FEWER_OR_ALL, HIGHER, LOWER, MORE, NEUTRAL, Label, ranked
from kapagate.chain.route import Surface
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.verdict import Decision
from kapagate.guards.actions import PersonalActions, actions_met, gentle
from kapagate.guards.code import CodeBlocks
from kapagate.guards.custom import CustomDetector, CustomDetectors, forgiving, looks, personal_data
from kapagate.guards.personal import KINDS, Action
from kapagate.guards.reach import within_reach
from kapagate.guards.sources import Named, SourceRule
from kapagate.guards.terms import BlockedTerms

AtEnd = Literal["disclaim", "error"]


class Confidence(BaseModel):
    """What happens to answers that Kapa itself calls uncertain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uncertain: Annotated[Literal["allow", "disclaim", "withhold"], ranked("allow", "disclaim", "withhold")] = Field(
        "allow", description="`disclaim` appends the disclaimer, `withhold` says the `withheld` message instead."
    )


def _by_url(value: Any) -> Any:
    """A text alone is the address."""
    return {"url": value} if isinstance(value, str) else value


class SourcePattern(BaseModel):
    """Sources by address, title, or both; `*` stands for anything, and a text alone is the address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = Field(None, min_length=1, max_length=500, description="The address: `https://docs.example/*`.")
    title: str | None = Field(None, min_length=1, max_length=500, description="The title: `*draft*`.")


Patterns = tuple[Annotated[SourcePattern, BeforeValidator(_by_url)], ...]


class SourceLimits(BaseModel):
    """Which sources an answer may rest on, and how many it needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: Annotated[int, HIGHER] = Field(
        0, ge=0, le=100, description="With fewer distinct sources an answer is withheld."
    )
    allow: Annotated[Patterns, FEWER_OR_ALL] = Field((), description="Only these may be named; all when left out.")
    deny: Annotated[Patterns, MORE] = Field(
        (), description="These are never named: they leave the sources, passages and documents."
    )


class GuardAnswer(Filter):
    """Guards what is said: personal data, blocked terms, code, length, sources, uncertainty.

    Streams and whole answers get the same verdict, however the bytes are cut. Titles of sources, passages and
    documents pass the same rules, whole; length and code are those of the answer alone. What is decided on the whole
    answer (`sources.min`, `uncertain: withhold`) needs an answer that is held to its end: JSON, or `stream: buffer` at
    the upstream. For streams that flow, `at_end` says what happens instead. An upstream's error keeps its status:
    personal data in it is redacted, also where answers would be refused.
    """

    pii: Annotated[PersonalActions, ranked("allow", "redact", "refuse")] = Field(
        "redact",
        description="What happens to personal data and secrets, in one word or by kind (`{card: refuse}`):"
        " `redact` puts `<email>` in their place, `mask` `****1111`.",
    )
    pii_allowed: Annotated[tuple[str, ...], FEWER] = Field(
        (), max_length=1000, description="Values that stay, such as an address of your own or a test card's number."
    )
    detectors: CustomDetectors = Field(
        {}, max_length=500, description="Detectors of your own, by the names that stand in the place of what they find."
    )
    blocked_terms: Annotated[tuple[str, ...], MORE] = Field(
        (), max_length=10_000, description="Words and phrases that may not be said, in either case."
    )
    on_blocked_term: Annotated[Action, ranked("redact", "refuse")] = Field(
        "redact", description="`redact` puts `<blocked>` in their place."
    )
    code: Annotated[Literal["allow", "remove"], ranked("allow", "remove")] = Field(
        "allow", description="Whether fenced code blocks stay in answers."
    )
    max_response_length: Annotated[int | None, LOWER] = Field(
        None, ge=1, description="The longest answer in characters; longer ones are cut at a word."
    )
    cut_notice: Annotated[str, NEUTRAL] = Field(
        " […]", max_length=500, description="What stands after an answer that was cut."
    )
    sources: SourceLimits = Field(SourceLimits(), description="Which sources an answer may rest on, and how many.")
    confidence: Confidence = Field(Confidence(), description="What happens to uncertain answers.")
    at_end: Annotated[AtEnd | None, ranked("nothing", "disclaim", "error", "withhold", of="ending")] = Field(
        None,
        description="For streams that flow: an answer that would be withheld is disclaimed, or ended with an error.",
    )
    disclaimer: Annotated[str, NEUTRAL] = Field(
        "This answer may be incomplete. Please check it against the documentation.",
        min_length=1,
        max_length=2000,
        description="The paragraph that is appended to answers that are disclaimed.",
    )
    withheld: Annotated[str, NEUTRAL] = Field(
        "This answer cannot be shown. Please ask your support team.",
        min_length=1,
        max_length=2000,
        description="What is said in the place of an answer that is withheld.",
    )

    presence: ClassVar[Label] = "tighter"

    @property
    def ending(self) -> str:
        """What becomes of an answer that flowed and should be withheld; `nothing` where none ever is."""
        return (self.at_end or "withhold") if self._withholds else "nothing"

    @property
    def decisions(self) -> frozenset[Decision]:
        actions = {*actions_met(self.pii, KINDS), *(each.action for each in self.detectors.values())}
        actions.add(self.on_blocked_term if self.blocked_terms else "allow")
        shortens = self.max_response_length is not None or self.code == "remove"
        disclaims = "disclaim" in (self.confidence.uncertain, self.at_end)
        names = bool(self.sources.allow or self.sources.deny)
        possible: dict[Decision, bool] = {
            "passed": True,
            "changed": not actions.isdisjoint(("redact", "mask")) or shortens or disclaims or names,
            "refused": "refuse" in actions or self.at_end == "error",
            "withheld": bool(self._withholds),
        }
        return frozenset(each for each, so in possible.items() if so)

    def compile(self, services: Services) -> Step:
        needs = self._needs()
        if not needs:
            raise Invalid("guards nothing: one of its options must ask for something", ("pii",))
        if self.at_end and not self._withholds:
            raise Invalid("nothing is decided at the end: `sources.min` and `uncertain: withhold` are", ("at_end",))
        for index, each in enumerate((*self.sources.allow, *self.sources.deny)):
            if each.url is None and each.title is None:
                listed = "allow" if index < len(self.sources.allow) else "deny"
                raise Invalid("name an address or a title", ("sources", listed))
        guard = _Guard(self, self._texts(self.pii, self.detectors, self.on_blocked_term), frozenset(needs))
        return Step(needs=needs, on_request=guard.on_request, on_answer=guard.on_answer)

    @property
    def _withholds(self) -> str:
        """The option that asks for whole answers; empty when none does."""
        return "sources" if self.sources.min else "confidence" if self.confidence.uncertain == "withhold" else ""

    def _needs(self) -> dict[Surface, str]:
        ends = "sources" if self.sources.min else "confidence"
        asked: tuple[tuple[Surface, str, object], ...] = (
            ("running text", ends, self.sources.min or self.confidence.uncertain != "allow"),
            ("running text", "max_response_length", self.max_response_length),
            ("running text", "code", self.code == "remove"),
            ("answer text", "blocked_terms", self.blocked_terms),
            ("answer text", "pii", looks(self.pii, self.detectors)),
            ("sources", "sources", self.sources != SourceLimits()),
            ("uncertainty", "confidence", self.confidence.uncertain != "allow"),
            ("whole answer", self._withholds, self._withholds and not self.at_end),
        )
        return {surface: option for surface, option, wanted in asked if wanted}

    def _texts(
        self, pii: PersonalActions, detectors: Mapping[str, CustomDetector], on_blocked_term: Action
    ) -> tuple[TextRule, ...]:
        rules: list[TextRule] = []
        if personal := personal_data(pii, self.pii_allowed, detectors):
            rules.append(personal)
        if self.blocked_terms:
            try:
                rules.append(BlockedTerms(self.blocked_terms, on_blocked_term))
            except ValueError as cause:
                raise Invalid(str(cause), ("blocked_terms",)) from cause
        return tuple(rules)

    def on_errors(self) -> AnswerRules | None:
        """The rules for an upstream's errors: they redact, and never refuse."""
        texts = self._texts(gentle(self.pii), forgiving(self.detectors), "redact")
        return AnswerRules(texts=texts) if texts else None


class _Guard:
    """The compiled guard. Its rules are the same for every answer of a form, but for code, which has a memory.

    `_flowing` and `_held` are for answers that end; `_listed` for what is listed, so nothing is decided at its end;
    `_declared` for backends, whose declared texts are all that is looked at.
    """

    def __init__(self, declared: GuardAnswer, texts: tuple[TextRule, ...], surfaces: frozenset[Surface]) -> None:
        self._flowing = self._rules(declared, texts, declared.at_end)
        self._held = self._rules(declared, texts, None)
        self._listed = replace(self._held, end=None)
        self._declared = replace(self._listed, event=None)
        self._on_errors = declared.on_errors()
        self._removes_code = declared.code == "remove"
        self._surfaces = surfaces

    @staticmethod
    def _rules(declared: GuardAnswer, texts: tuple[TextRule, ...], at_end: AtEnd | None) -> AnswerRules:
        sources, length = declared.sources, declared.max_response_length
        ending = _Ending(declared, at_end)
        return AnswerRules(
            texts=texts,
            limit=Limit(length, declared.cut_notice) if length else None,
            event=SourceRule(_named(sources.allow), _named(sources.deny)) if sources.allow or sources.deny else None,
            end=ending.end if sources.min or declared.confidence.uncertain != "allow" else None,
        )

    async def on_request(self, ex: Exchange) -> None:
        within_reach(ex, self._surfaces)

    def on_answer(self, ex: Exchange) -> AnswerRules | None:
        if ex.response is not None and ex.response.status >= 400:
            return self._on_errors
        route = ex.route
        if route.answer_texts or route.running_texts:
            rules = self._declared
        elif "uncertainty" in route.shows:
            rules = self._flowing if _flows(ex) else self._held
        else:
            rules = self._listed
        return replace(rules, texts=(*rules.texts, CodeBlocks())) if self._removes_code else rules


@dataclass(frozen=True, slots=True)
class _Ending:
    """What is decided on the whole answer. `at_end`: what becomes of one that should be withheld and has left."""

    declared: GuardAnswer
    at_end: AtEnd | None

    async def end(self, answer: Answer) -> Sequence[Event]:
        """Raises Withheld."""
        if answer.failure is not None:
            return ()
        withheld = self._withheld(answer)
        if withheld and self.at_end != "disclaim":
            raise Withheld(self.declared.withheld, withheld)
        disclaims = answer.uncertain and self.declared.confidence.uncertain == "disclaim"
        if not (withheld or disclaims):
            return ()
        disclaimer = self.declared.disclaimer
        return (Text(f"\n\n{disclaimer}" if answer.characters else disclaimer),)

    def _withheld(self, answer: Answer) -> str:
        """Why it must not be said; empty when it may, or when nothing was."""
        if not answer.characters:
            return ""
        if len({_address(source) for source in answer.sources}) < self.declared.sources.min:
            return "sources"
        return "uncertain" if answer.uncertain and self.declared.confidence.uncertain == "withhold" else ""


def _flows(ex: Exchange) -> bool:
    """Whether parts of the answer leave before its end is known."""
    codec, upstream = ex.response and ex.response.codec, ex.route.upstream
    return codec is not None and not codec.whole and not (upstream and upstream.adapter.holds(ex))


def _named(patterns: Patterns) -> list[Named]:
    return [Named(each.url, each.title) for each in patterns]


def _address(source: Any) -> str:
    return str(source.get("source_url")) if isinstance(source, dict) else repr(source)
