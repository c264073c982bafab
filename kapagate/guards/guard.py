"""What guards of questions and of answers have in common: the options on texts, and the rules that come of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from kapagate.answer.rules import TextRule
from kapagate.chain.filter import Filter, Invalid
from kapagate.chain.order import FEWER, MORE, ranked
from kapagate.chain.route import Surface
from kapagate.chain.secret import Resolved
from kapagate.guards.actions import PersonalActions, actions_met, gentle
from kapagate.guards.company_policy import CompanyPolicy, Policy
from kapagate.guards.custom import CustomDetector, CustomDetectors, forgiving, looks, personal_data
from kapagate.guards.personal import KINDS, Action
from kapagate.guards.terms import BlockedTerms, terms_in


def _terms(value: Any) -> Any:
    """A file of terms by itself, or among others."""
    listed = [value] if isinstance(value, Resolved) else value
    if not isinstance(listed, list | tuple):
        return value
    found = ((terms_in(each) if _is_file(each) else [each]) for each in listed)
    return [term for terms in found for term in terms]


def _is_file(value: Any) -> bool:
    return isinstance(value, Resolved) and value.reference.startswith("${file:")


class Guard(Filter):
    """The options on texts, whoever says them."""

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
    blocked_terms: Annotated[tuple[str, ...], BeforeValidator(_terms), MORE] = Field(
        (),
        max_length=10_000,
        description="Words and phrases that may not pass, in either case; `${file:terms.txt}` stands for those of a "
        "file, one a line.",
    )
    on_blocked_term: Annotated[Action, ranked("redact", "refuse")] = Field(
        "redact", description="`redact` puts `<blocked>` in their place."
    )
    company_policy: CompanyPolicy = Field((), max_length=500, description="Rules of your own, by their ids.")

    def policy(self) -> Policy | None:
        """The compiled rules of one's own; None without any. Raises Invalid."""
        return Policy(self.company_policy) if self.company_policy else None

    @property
    def looks_for_data(self) -> bool:
        return looks(self.pii, self.detectors)

    @property
    def text_actions(self) -> frozenset[str]:
        """Every action that something found in a text can meet."""
        terms = {self.on_blocked_term} if self.blocked_terms else set()
        own = {each.action for each in self.detectors.values()}
        rules = {each.action for each in self.company_policy}
        return frozenset({*actions_met(self.pii, KINDS), *terms, *own, *rules} - {"allow"})

    def demanded_texts(self, surfaces: frozenset[Surface]) -> dict[tuple[str | int, ...], frozenset[Surface]]:
        """The options on texts that ask for something, of which `pii` does where it is spoken of."""
        asked = {
            "pii": "pii" in self.model_fields_set and actions_met(self.pii, KINDS) != {"allow"},
            "detectors": self.detectors,
            "blocked_terms": self.blocked_terms,
        }
        return {(name,): surfaces for name, wanted in asked.items() if wanted}

    def texts(self) -> tuple[TextRule, ...]:
        """The rules that are the same for everybody. Raises Invalid."""
        return self._texts(self.pii, self.detectors, self.on_blocked_term)

    def forgiving_texts(self) -> tuple[TextRule, ...]:
        """The same where nothing may be refused, as in an upstream's errors."""
        return self._texts(gentle(self.pii), forgiving(self.detectors), "redact")

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
