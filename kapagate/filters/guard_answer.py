"""`guard_answer`: what is said, streamed or not, before it reaches the client."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from kapagate.access.roles import Roles
from kapagate.answer.rules import AnswerRules, Limit, TextRule
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Invalid
from kapagate.chain.order import LOWER, MORE, NEUTRAL, Label, ranked
from kapagate.chain.principal import NO_TENANT, NOBODY, PRINCIPAL, TENANT
from kapagate.chain.route import Surface
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.verdict import Decision
from kapagate.guards.code import CodeBlocks
from kapagate.guards.confidence import Confidence
from kapagate.guards.disclaimers import Disclaim
from kapagate.guards.ending import Ending, Found
from kapagate.guards.guard import Guard
from kapagate.guards.languages import Code, OnlyCode
from kapagate.guards.messages import CUT, DISCLAIMER, ENGLISH, WITHHELD, Messages, languages_of, spoken
from kapagate.guards.reach import within_reach
from kapagate.guards.refusal_phrases import RefusalPhrases, compile_phrases
from kapagate.guards.source_limits import INTERNAL, SourceLimits
from kapagate.guards.source_links import SourceLinks
from kapagate.guards.sources import SourceRule
from kapagate.identity.language import language_of

AtEnd = Literal["disclaim", "error"]
Form = Literal["flowing", "held", "listed", "declared"]
"""Answers that end, as they come or held; what is listed, of which nothing is the end; the texts of a backend."""

FORMS: Final[tuple[Form, ...]] = ("flowing", "held", "listed", "declared")


class GuardAnswer(Guard):
    """Guards what is said: personal data, blocked terms, company policy, code, length, sources, confidence.

    Streams and whole answers get the same verdict, however the bytes are cut. Titles of sources, passages and
    documents pass the same rules, whole; length and code are those of the answer alone. What is decided on the whole
    answer (`sources`, `uncertain: withhold`, rules that withhold) needs an answer that is held to its end: JSON, or
    `stream: buffer` at the upstream. For streams that flow, `at_end` says what happens instead. What users are told is
    in their language. An upstream's error keeps its status: what may not be said is redacted in it, also where answers
    would be refused.
    """

    code: Code = Field(
        "allow", description="Whether code stays in answers: fenced, indented, inline; or that of some languages alone."
    )
    max_response_length: Annotated[int | None, LOWER] = Field(
        None, ge=1, description="The longest answer in characters; longer ones are cut at a sentence or a word."
    )
    cut_notice: Annotated[Messages, NEUTRAL] = Field(
        dict(CUT), description="What stands after an answer that was cut, in one language or by language."
    )
    sources: SourceLimits = Field(SourceLimits(), description="Which sources an answer may rest on, and how many.")
    confidence: Confidence = Field(Confidence(), description="What happens to uncertain answers.")
    require_approval: Annotated[bool, ranked(False, True)] = Field(
        False, description="Every answer gets the disclaimer: a person has yet to approve of it."
    )
    disclaim: Annotated[tuple[Disclaim, ...], MORE] = Field(
        (), max_length=100, description="Whose answers get a disclaimer besides: each condition that holds appends one."
    )
    at_end: Annotated[AtEnd | None, ranked("nothing", "disclaim", "error", "withhold", of="ending")] = Field(
        None,
        description="For streams that flow: an answer that would be withheld is disclaimed, or ended with an error.",
    )
    disclaimer: Annotated[Messages, NEUTRAL] = Field(
        dict(DISCLAIMER), description="The paragraph that is appended to answers that are disclaimed, as `cut_notice`."
    )
    withheld: Annotated[Messages, NEUTRAL] = Field(
        dict(WITHHELD), description="What is said in the place of an answer that is withheld, as `cut_notice`."
    )

    presence: ClassVar[Label] = "tighter"

    @property
    def ending(self) -> str:
        """What becomes of an answer that flowed and should be withheld; `nothing` where none ever is."""
        return (self.at_end or "withhold") if self.withholds else "nothing"

    @property
    def decisions(self) -> frozenset[Decision]:
        actions = self.text_actions
        shortens = self.max_response_length is not None or self.code != "allow"
        disclaims = "disclaim" in (self.confidence.uncertain, self.at_end, *actions)
        changes = disclaims or self.sources.forbids or self.disclaim or self.require_approval or shortens
        possible: dict[Decision, bool] = {
            "passed": True,
            "changed": bool(changes) or not actions.isdisjoint(("redact", "mask")),
            "refused": "refuse" in actions or self.at_end == "error",
            "withheld": bool(self.withholds),
        }
        return frozenset(each for each, so in possible.items() if so)

    def compile(self, services: Services) -> Step:
        needs = self._needs()
        if not needs:
            raise Invalid("guards nothing: one of its options must ask for something", ("pii",))
        if self.at_end and not self.withholds:
            raise Invalid(
                "nothing is decided at the end: `sources`, `uncertain: withhold` and rules that withhold are",
                ("at_end",),
            )
        if self.confidence.below is not None and self.confidence.uncertain == "allow":
            raise Invalid(
                "say what happens to uncertain answers: `uncertain: disclaim` (or `withhold`)", ("confidence",)
            )
        asks = self.sources.internal == "granted" or any(each.role for each in self.disclaim)
        roles = services[Roles] if asks else None
        for at, each in enumerate(self.disclaim):
            for number, role in enumerate(each.role or ()):
                if roles is not None and role not in roles.names:
                    raise Invalid(f"there is no role {role!r}", ("disclaim", at, "role", number))
        guard = _Guard(self, frozenset(needs), roles)
        return Step(needs=needs, on_request=guard.on_request, on_answer=guard.on_answer)

    @property
    def demands(self) -> Mapping[tuple[str | int, ...], frozenset[Surface]]:
        sources, wanted = self.sources, self.demanded_texts(_SAID)
        for at, rule in enumerate(self.company_policy):
            wanted["company_policy", at] = _JUDGED if rule.action in _AT_END else _SAID
        asked: tuple[tuple[tuple[str, ...], object, frozenset[Surface]], ...] = (
            (("code",), self.code != "allow", _RUNNING),
            (("max_response_length",), self.max_response_length, _RUNNING),
            (("sources", "min"), sources.min, _RUNNING | _SOURCES),
            (("sources", "allow"), sources.allow, _SOURCES),
            (("sources", "deny"), sources.deny, _SOURCES),
            (("sources", "internal"), sources.internal != "allow", _SOURCES),
            (("confidence", "uncertain"), self.confidence.uncertain != "allow", _JUDGED),
            (("require_approval",), self.require_approval, _JUDGED),
            (("disclaim",), self.disclaim, _JUDGED),
        )
        return {**wanted, **{option: surfaces for option, wants, surfaces in asked if wants}}

    @property
    def ends(self) -> bool:
        """Whether anything is decided on whole answers."""
        disclaims = self.require_approval or self.disclaim or self.confidence.uncertain != "allow"
        return bool(disclaims or self.sources != SourceLimits() or not self.text_actions.isdisjoint(_AT_END))

    @property
    def withholds(self) -> str:
        """The option that asks for whole answers; empty when none does."""
        if self.sources != SourceLimits():
            return "sources"
        if self.confidence.uncertain == "withhold":
            return "confidence"
        return "company_policy" if "withhold" in self.text_actions else ""

    def _needs(self) -> dict[Surface, str]:
        judges = (
            ("company_policy", not self.text_actions.isdisjoint(_AT_END)),
            ("require_approval", self.require_approval),
            ("disclaim", self.disclaim),
            ("confidence", self.confidence.uncertain != "allow"),
        )
        asked: tuple[tuple[Surface, str, object], ...] = (
            *(("running text", option, wanted) for option, wanted in judges),
            ("running text", "sources", self.sources.min),
            ("running text", "max_response_length", self.max_response_length),
            ("running text", "code", self.code != "allow"),
            ("answer text", "company_policy", self.company_policy),
            ("answer text", "blocked_terms", self.blocked_terms),
            ("answer text", "pii", self.looks_for_data),
            ("sources", "sources", self.sources != SourceLimits()),
            *(("uncertainty", option, wanted) for option, wanted in judges),
            ("whole answer", self.withholds, self.withholds and not self.at_end),
        )
        return {surface: option for surface, option, wanted in asked if wanted}


_AT_END: Final = ("disclaim", "withhold")
_SAID: Final[frozenset[Surface]] = frozenset({"answer text"})
_RUNNING: Final[frozenset[Surface]] = frozenset({"running text"})
_SOURCES: Final[frozenset[Surface]] = frozenset({"sources"})
_JUDGED: Final[frozenset[Surface]] = frozenset({"running text", "uncertainty"})


class _Guard:
    """The compiled guard. What of its rules is the same for all answers of a form, to all who speak a language, is made
    once; what has a memory, or depends on who asks, is made for each answer.
    """

    def __init__(self, declared: GuardAnswer, surfaces: frozenset[Surface], roles: Roles | None) -> None:
        self._declared, self._surfaces, self._roles = declared, surfaces, roles
        self._policy = declared.policy()
        self._notes = self._policy is not None and self._policy.asks("disclaim", "withhold")
        self._forbids = declared.sources.forbids
        self._named = tuple(declared.sources.named(granted) for granted in (False, True))
        self._removes_code = declared.code != "allow"
        self._languages_that_stay = declared.code.only if isinstance(declared.code, OnlyCode) else ()
        self._scores = declared.confidence.below is not None
        if self._scores:
            compile_phrases()
        self._ends_alike = not (self._forbids or self._scores or self._notes or declared.disclaim)
        self._languages = self._known_languages()
        texts, errors = declared.texts(), declared.forgiving_texts()
        if self._policy:
            errors = (*errors, self._policy.texts(ENGLISH, forgiving=True))
        self._on_errors = AnswerRules(texts=errors) if errors else None
        self._endings = {(form, each): self._ending(form, each) for form in FORMS for each in self._languages}
        self._rules = {(form, each): self._alike(form, each, texts) for form in FORMS for each in self._languages}

    def _known_languages(self) -> frozenset[str]:
        """English, and those in which somebody is told something else."""
        said = self._declared
        found = {ENGLISH, *(self._policy.languages if self._policy else ())}
        if said.max_response_length is not None:
            found |= languages_of(said.cut_notice, CUT)
        if said.ends:
            found |= languages_of(said.withheld, WITHHELD) | languages_of(said.disclaimer, DISCLAIMER)
            found = found.union(*(each.language or () for each in said.disclaim))
            found = found.union(*(languages_of(each.message) for each in said.disclaim if each.message))
        return frozenset(found)

    def _ending(self, form: Form, language: str) -> Ending:
        said = self._declared
        return Ending(
            minimum=said.sources.min,
            confidence=said.confidence,
            at_end=said.at_end if form == "flowing" else None,
            always=said.require_approval,
            withheld=spoken(said.withheld, language, WITHHELD),
            disclaimer=spoken(said.disclaimer, language, DISCLAIMER),
            language=language,
            policy=self._policy.rules if self._policy else {},
        )

    def _alike(self, form: Form, language: str, texts: tuple[TextRule, ...]) -> AnswerRules:
        said, length = self._declared, self._declared.max_response_length
        policy = (self._policy.texts(language),) if self._policy and not self._notes else ()
        ends = said.ends and self._ends_alike and form in ("flowing", "held")
        return AnswerRules(
            texts=(*texts, *policy),
            limit=Limit(length, spoken(said.cut_notice, language, CUT)) if length else None,
            end=partial(self._endings[form, language].end, Found()) if ends else None,
        )

    async def on_request(self, ex: Exchange) -> None:
        within_reach(ex, self._surfaces)

    def on_answer(self, ex: Exchange) -> AnswerRules | None:
        if ex.response is not None and ex.response.status >= 400:
            return self._on_errors
        form, language = _form(ex), self._language(ex)
        rules = self._rules[form, language]
        if self._ends_alike and not self._removes_code:
            return rules
        return self._of_one_answer(ex, rules, form, language)

    def _language(self, ex: Exchange) -> str:
        if len(self._languages) == 1:
            return ENGLISH
        preferred = language_of(ex)
        return preferred if preferred in self._languages else ENGLISH

    def _of_one_answer(self, ex: Exchange, rules: AnswerRules, form: Form, language: str) -> AnswerRules:
        """The rules with what remembers this answer alone."""
        texts, event, noted = [*rules.texts], None, set[str]()
        phrases = RefusalPhrases() if self._scores else None
        ends = form in ("flowing", "held")
        if self._policy and self._notes and (ends or self._policy.asks("redact", "refuse")):
            texts.append(self._policy.texts(language, noted))
        if self._removes_code:
            texts.append(CodeBlocks(self._languages_that_stay))
        if phrases is not None and ends:
            texts.append(phrases)
        if self._forbids and form != "declared":
            event = SourceRule(named := self._named[self._sees_internal(ex)])
            texts.append(SourceLinks(named, event.seen if form != "flowing" else None))
        end = rules.end
        if ends and not self._ends_alike:
            seen = event.seen if event else None
            found = Found(ex.report, ex.step, seen, phrases, noted, self._conditions(ex, language))
            end = partial(self._endings[form, language].end, found)
        return AnswerRules(texts=tuple(texts), limit=rules.limit, event=event, end=end)

    def _sees_internal(self, ex: Exchange) -> bool:
        return self._roles is not None and self._roles.allows(ex.facts.get(PRINCIPAL, NOBODY).roles, INTERNAL)

    def _conditions(self, ex: Exchange, language: str) -> tuple[Disclaim, ...]:
        if not self._declared.disclaim:
            return ()
        roles, tenant = ex.facts.get(PRINCIPAL, NOBODY).roles, ex.facts.get(TENANT, NO_TENANT).name
        spoken_by = language_of(ex) or language
        return tuple(each for each in self._declared.disclaim if each.is_for(roles, tenant, spoken_by))


def _form(ex: Exchange) -> Form:
    route = ex.route
    if route.answer_texts or route.running_texts:
        return "declared"
    if "uncertainty" not in route.shows:
        return "listed"
    codec, upstream = ex.response and ex.response.codec, route.upstream
    flows = codec is not None and not codec.whole and not (upstream and upstream.adapter.holds(ex))
    return "flowing" if flows else "held"
