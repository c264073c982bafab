"""Detectors that a policy declares: a pattern, and what makes of a candidate a finding."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kapagate.chain.filter import Contradicted, Invalid
from kapagate.chain.order import MORE_ENTRIES
from kapagate.guards.actions import PersonalActions, actions_met
from kapagate.guards.checks import CheckName, passes
from kapagate.guards.detector import Detector, Span, as_long_as
from kapagate.guards.fold import fold
from kapagate.guards.pattern import Pattern, read_pattern
from kapagate.guards.personal import ALL, KINDS, PersonalData
from kapagate.guards.regex import Searcher, matcher

_CONTEXT = 48
"""How far before a candidate its context words stand at most, in characters."""

Word = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Example = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class CustomDetector(BaseModel):
    """Something of one's own that is found by its pattern: a number of employees, of contracts, of patients."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str = Field(min_length=1, max_length=500, description="What it looks like, in re2's syntax.")
    check: CheckName | None = Field(None, description="What its digits must satisfy; separators do not count.")
    context: tuple[Word, ...] = Field(
        (), max_length=100, description="Words of which one stands at most 48 characters before it, in either case."
    )
    max_match: int | None = Field(
        None, ge=1, le=8192, description="The most characters it has; only where the pattern does not say so itself."
    )
    action: Literal["redact", "mask", "refuse"] = Field("redact", description="What happens to it.")
    matches: tuple[Example, ...] = Field(
        min_length=1, max_length=100, description="Texts in which it is found; tried when the policy is loaded."
    )
    leaves: tuple[Example, ...] = Field(
        (), max_length=100, description="Texts in which it is not found; tried when the policy is loaded."
    )


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,31}$")]
CustomDetectors = Annotated[dict[Name, CustomDetector], MORE_ENTRIES]


def personal_data(
    actions: PersonalActions, allowed: Collection[str], declared: Mapping[str, CustomDetector]
) -> PersonalData | None:
    """The rule that a guard asks for with its options; None where it looks for nothing. Raises Invalid."""
    if not looks(actions, declared):
        return None
    more = {each: declared[each.name].action for each in custom_detectors(declared, KINDS | ALL)}
    try:
        return PersonalData(actions=actions, allowed=allowed, more=more)
    except ValueError as cause:
        raise Invalid(f"there are too many detectors, or too large ones: {cause}", ("detectors",)) from cause


def looks(actions: PersonalActions, declared: Mapping[str, CustomDetector]) -> bool:
    return bool(declared) or actions_met(actions, KINDS) != {"allow"}


def forgiving(declared: Mapping[str, CustomDetector]) -> dict[str, CustomDetector]:
    """The same where nothing may be refused: redacted instead."""
    return {
        name: each.model_copy(update={"action": "redact"}) if each.action == "refuse" else each
        for name, each in declared.items()
    }


def custom_detectors(declared: Mapping[str, CustomDetector], taken: frozenset[str]) -> tuple[Detector, ...]:
    """The detectors that a policy declares under `detectors`, tried on their examples. Raises Invalid."""
    made = []
    for name, each in declared.items():
        if name in taken:
            raise Invalid(f"there is a detector {name} already: give this one another name", ("detectors", name))
        detector = _detector(name, each)
        _try(detector, each)
        made.append(detector)
    return tuple(made)


def _detector(name: str, declared: CustomDetector) -> Detector:
    try:
        pattern = read_pattern(declared.pattern)
    except ValueError as cause:
        raise Invalid(f"this pattern cannot be used: {cause}", ("detectors", name, "pattern")) from cause
    longest = _longest(name, declared, pattern)
    return Detector(
        name=name,
        placeholder=f"<{name}>",
        pattern=pattern.source,
        unfinished=pattern.beginnings,
        longest=longest + 1,
        before=_CONTEXT + 1 if declared.context else 1,
        check=_Finding(matcher(pattern.source), longest, declared.check, _context(declared.context)).span,
        severity=2,
        at_bound=as_long_as(longest) if pattern.longest is None else None,
    )


def _longest(name: str, declared: CustomDetector, pattern: Pattern) -> int:
    if pattern.longest is None and declared.max_match is None:
        reason = "this pattern matches without bound, and answers that flow cannot wait for ever"
        raise Invalid(
            f"{reason}: bound its repetitions (`{{1,20}}`), or say `max_match`", ("detectors", name, "pattern")
        )
    if pattern.longest is not None and declared.max_match is not None:
        raise Invalid(f"the pattern says it itself: at most {pattern.longest}", ("detectors", name, "max_match"))
    return pattern.longest or declared.max_match or 0


def _context(words: tuple[str, ...]) -> re.Pattern[bytes] | None:
    if not words:
        return None
    folded = b"|".join(re.escape(fold(word)) for word in words)
    return re.compile(rb"(?i)(?<![A-Za-z0-9])(?:%b)(?![A-Za-z0-9])" % folded)


class _Finding(Struct, frozen=True):
    """What makes a finding of a candidate: its length, its check digits, the words before it.

    What it spans is asked again, of as many characters as it may have: what stands behind them decides nothing.
    """

    match: Searcher
    longest: int
    check: CheckName | None
    context: re.Pattern[bytes] | None

    def span(self, data: bytes, start: int, end: int) -> Span | None:
        first = max(0, start - 1)
        found, behind = self.match(data[first : start + self.longest + 1], start - first)
        end = min(first + behind, start + self.longest)
        if found < 0 or (self.check and not passes(self.check, data[start:end])):
            return None
        named = self.context is None or self.context.search(data, max(0, start - _CONTEXT), start)
        return (start, end) if named else None


def _try(detector: Detector, declared: CustomDetector) -> None:
    for listed, found in (("matches", True), ("leaves", False)):
        for index, example in enumerate(getattr(declared, listed)):
            folded = fold(example)
            if any(detector.find(folded, 0, len(folded))) is not found:
                said = "finds nothing in it, and should" if found else "finds something in it, and should not"
                raise Contradicted(f"the detector {detector.name} {said}", ("detectors", detector.name, listed, index))
