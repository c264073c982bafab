"""Named rules act as they say, in either case, however a text is cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.chain.filter import Invalid
from kapagate.chain.order import order_of
from kapagate.filters.guard_answer import GuardAnswer
from kapagate.guards.company_policy import Policy, PolicyRule
from tests.guards.pieces import delivered, streamed, whole

LEGAL = {"id": "no-legal-advice", "patterns": [r"\bsue\b", r"legal (?:advice|counsel)"], "message": "(ask our lawyers)"}
PRICES = {
    "id": "prices",
    "patterns": [r"\$\s?\d{1,7}"],
    "action": "refuse",
    "message": {"de": "Keine Preise.", "en": "No prices."},
}
RIVAL = {"id": "rival", "patterns": ["competitor"], "action": "disclaim"}
TEXT = "Take LEGAL advice or sue them for $ 500, says a Competitor of us in its issue."


def policy(*rules: dict[str, Any]) -> Policy:
    return Policy([PolicyRule.model_validate(each) for each in rules])


def test_each_rule_acts_under_its_id() -> None:
    noted: set[str] = set()
    found = whole(policy(LEGAL, PRICES, RIVAL).texts("en", noted), TEXT)
    assert [(each.kind, each.text, each.refuse, each.words) for each in found] == [
        ("company_policy.no-legal-advice", "(ask our lawyers)", False, ""),
        ("company_policy.no-legal-advice", "(ask our lawyers)", False, ""),
        ("company_policy.prices", "<prices>", True, "No prices."),
    ]
    assert noted == {"company_policy.rival"}


def test_messages_are_in_the_callers_language() -> None:
    found = whole(policy(PRICES).texts("de", set()), "$1")
    assert found[0].words == "Keine Preise."


def test_without_a_message_the_id_stands_there() -> None:
    assert (
        delivered(policy({"id": "secret-plan", "patterns": ["plan [a-z]"]}).texts("en", set()), "Plan B!")
        == "<secret-plan>!"
    )


def test_where_nothing_may_be_refused_it_is_redacted() -> None:
    found = whole(policy(PRICES, RIVAL).texts("en", forgiving=True), TEXT)
    assert [(each.text, each.refuse) for each in found] == [("<prices>", False)]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_every_cut_finds_the_same(sizes: list[int]) -> None:
    rules = policy(LEGAL, PRICES, RIVAL)
    pieces, at = [], 0
    while at < len(TEXT):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(TEXT[at : at + size])
        at += size
    noted: set[str] = set()
    assert streamed(rules.texts("en", noted), pieces) == whole(rules.texts("en", set()), TEXT)
    assert noted == {"company_policy.rival"}


@pytest.mark.parametrize(
    ("rules", "at", "why"),
    [
        ([{"id": "a", "patterns": ["x", "y+"]}], ("company_policy", 0, "patterns", 1), "without bound"),
        ([{"id": "a", "patterns": ["(?=x)"]}], ("company_policy", 0, "patterns", 0), "look-around"),
        ([{"id": "a", "patterns": ["x"]}, {"id": "a", "patterns": ["y"]}], ("company_policy", 1, "id"), "already"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(
    rules: list[dict[str, Any]], at: tuple[Any, ...], why: str
) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        policy(*rules)
    assert refused.value.at == at


def test_a_pattern_without_bound_is_found_up_to_its_max_match() -> None:
    rules = policy({"id": "a", "patterns": ["x+"], "max_match": 4})
    assert delivered(rules.texts("en", set()), "axxxxxb").startswith("a<a>")


def test_more_rules_are_tighter_and_other_ones_cannot_be_compared() -> None:
    order = order_of(GuardAnswer.model_fields["company_policy"].metadata)
    one, two = PolicyRule.model_validate(LEGAL), PolicyRule.model_validate(RIVAL)
    other = one.model_copy(update={"patterns": ("x",)})
    reworded = one.model_copy(update={"message": "Ask."})
    assert order is not None
    assert order.compare((one,), (one, two)) == "tighter"
    assert order.compare((one, two), (one,)) == "looser"
    assert order.compare((one,), (other,)) == "unknown"
    assert order.compare((one,), (reworded,)) == "neutral"


def test_hundreds_of_rules_cost_one_look() -> None:
    rules = policy(*({"id": f"rule-{at}", "patterns": [rf"\bforbidden phrase {at}\b"]} for at in range(200)))
    text = rules.texts("en", set())
    assert text.clean(["prose " * 500])
    assert [each.kind for each in whole(text, "a Forbidden phrase 150.")] == ["company_policy.rule-150"]
