"""Rules of a company's own on what is said: each has an id, patterns, and what happens where one is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kapagate.answer.events import TextKind
from kapagate.answer.rules import Edit
from kapagate.chain.filter import Invalid
from kapagate.chain.order import Label, Listed
from kapagate.guards.detector import Detector, Span, as_long_as
from kapagate.guards.messages import Messages, languages_of, spoken
from kapagate.guards.pattern import Pattern, read_pattern
from kapagate.guards.personal import TEXTS, PersonalData
from kapagate.guards.regex import Searcher, matcher

KIND = "company_policy."
"""What the kinds of findings begin with: the rule's id follows."""
_SEVERITY = 7

PolicyAction = Literal["redact", "refuse", "disclaim", "withhold"]
RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
PolicyPattern = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class PolicyRule(BaseModel):
    """One rule of `company_policy`; its id is in the audit wherever it acted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: RuleId = Field(description="Its name, in the audit and in metrics as `company_policy.<id>`.")
    patterns: tuple[PolicyPattern, ...] = Field(
        min_length=1, max_length=100, description="What it looks for, in re2's syntax, in either case."
    )
    max_match: int | None = Field(
        None, ge=1, le=8192, description="The most characters of a match; only where a pattern does not say so itself."
    )
    action: PolicyAction = Field(
        "redact",
        description="`redact` puts the message in its place, `refuse` refuses with it, `disclaim` appends it to the "
        "answer, `withhold` says it instead of the answer.",
    )
    message: Messages | None = Field(
        None, description="What is said, in one language or by language; `<id>` in the place of what is redacted."
    )


class _MoreRules(Listed, frozen=True):
    """More rules are tighter. A rule that is another is compared with what it was by its action alone."""

    def compare(self, before: Any, after: Any) -> Label:
        return super().compare(tuple(map(_weight, before)), tuple(map(_weight, after)))


def _weight(rule: PolicyRule) -> PolicyRule:
    return rule.model_copy(update={"message": None})


CompanyPolicy = Annotated[tuple[PolicyRule, ...], _MoreRules("more")]


class Policy:
    """The compiled rules. Raises Invalid, with the path of what cannot be used."""

    __slots__ = ("_rule", "rules")

    def __init__(self, rules: Sequence[PolicyRule]) -> None:
        self.rules = {KIND + each.id: each for each in rules}
        if len(self.rules) < len(rules):
            twice = next(at for at, each in enumerate(rules) if each.id in [other.id for other in rules[:at]])
            raise Invalid(f"there is a rule {rules[twice].id} already", ("company_policy", twice, "id"))
        found = [each for at, rule in enumerate(rules) for each in _detectors(at, rule)]
        self._rule = PersonalData(detect=(), more=dict.fromkeys(found, "redact"))

    @property
    def languages(self) -> frozenset[str]:
        """Those in which some rule has words of its own."""
        return frozenset().union(*(languages_of(each.message) for each in self.rules.values() if each.message))

    def texts(self, language: str, noted: set[str] | None = None, forgiving: bool = False) -> PolicyTexts:
        """The text rule for somebody who speaks a language. `noted`, which belongs to one answer, gets the kinds of
        what was found and is acted on at its end. `forgiving`: nothing may be refused.
        """
        return PolicyTexts(self._rule, self.rules, language, noted, forgiving)

    def asks(self, *actions: PolicyAction) -> bool:
        return any(each.action in actions for each in self.rules.values())


class PolicyTexts:
    """The text rule (`kapagate.answer.rules.TextRule`): finds as detectors find, acts as the policy's rules say."""

    __slots__ = ("_forgiving", "_noted", "_rule", "_rules", "_words", "context", "kinds", "reach")

    def __init__(
        self,
        rule: PersonalData,
        rules: Mapping[str, PolicyRule],
        language: str,
        noted: set[str] | None,
        forgiving: bool,
    ) -> None:
        self._rule = rule
        self._rules = rules
        self._words = {kind: spoken(each.message, language) for kind, each in rules.items() if each.message}
        self._noted, self._forgiving = noted, forgiving
        self.reach, self.context = rule.reach, rule.context
        self.kinds: frozenset[TextKind] = TEXTS

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Edit], int]:
        found, sure = self._rule.scan(text, start, final)
        return [edit for each in found if (edit := self._edit(each)) is not None], sure

    def clean(self, texts: Sequence[str]) -> bool:
        return self._rule.clean(texts)

    def _edit(self, found: Edit) -> Edit | None:
        rule = self._rules[found.kind]
        words = self._words.get(found.kind, "")
        if rule.action in ("disclaim", "withhold"):
            if self._noted is not None:
                self._noted.add(found.kind)
            return None
        refuses = rule.action == "refuse" and not self._forgiving
        becomes = words if words and rule.action == "redact" else f"<{rule.id}>"
        said = words if refuses else ""
        return Edit(found.start, found.end, becomes, found.kind, _SEVERITY, refuses, said, found.at_bound)


def _detectors(at: int, rule: PolicyRule) -> list[Detector]:
    found = []
    for number, text in enumerate(rule.patterns):
        path = ("company_policy", at, "patterns", number)
        try:
            pattern = read_pattern(text).in_either_case()
        except ValueError as cause:
            raise Invalid(f"this pattern cannot be used: {cause}", path) from cause
        longest = pattern.longest or rule.max_match
        if longest is None:
            reason = "this pattern matches without bound, and answers that flow cannot wait for ever"
            raise Invalid(f"{reason}: bound its repetitions (`{{1,20}}`), or say `max_match`", path)
        found.append(_detector(KIND + rule.id, pattern, longest))
    return found


def _detector(kind: str, pattern: Pattern, longest: int) -> Detector:
    check = _Match(matcher(pattern.source), longest).span
    return Detector(
        name=kind,
        placeholder="",
        pattern=pattern.source,
        unfinished=pattern.beginnings,
        longest=longest + 1,
        before=1,
        check=check,
        severity=_SEVERITY,
        at_bound=as_long_as(longest) if pattern.longest is None else None,
    )


class _Match(Struct, frozen=True):
    """What a candidate spans: as much as the pattern takes of what it may have."""

    match: Searcher
    longest: int

    def span(self, data: bytes, start: int, end: int) -> Span | None:
        first = max(0, start - 1)
        found, behind = self.match(data[first : start + self.longest + 1], start - first)
        return (start, min(first + behind, start + self.longest)) if found >= 0 else None
