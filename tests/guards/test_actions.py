from __future__ import annotations

import pytest

from kapagate.guards.actions import PersonalActions, actions_met, compared, gentle, masked, of_kind
from kapagate.guards.personal import PersonalData
from tests.guards.pieces import delivered, streamed, whole

CARD = "4111 " + "1111 1111 1111"
BY_KIND: PersonalActions = {"email": "mask", "card": "refuse", "ip": "allow", "default": "redact"}


@pytest.mark.parametrize(
    ("kind", "action"), [("email", "mask"), ("card", "refuse"), ("ip", "allow"), ("phone", "redact")]
)
def test_each_kind_has_its_action_and_the_others_the_default(kind: str, action: str) -> None:
    assert of_kind(BY_KIND, kind) == action


def test_a_word_is_for_all_kinds_and_what_is_left_out_is_redacted() -> None:
    assert of_kind("refuse", "email") == "refuse"
    assert of_kind({"card": "mask"}, "email") == "redact"


def test_knows_what_can_happen() -> None:
    assert actions_met(BY_KIND, {"email", "ip"}) == {"mask", "allow"}
    assert actions_met("allow", {"email", "ip"}) == {"allow"}


def test_where_nothing_may_be_refused_it_is_redacted() -> None:
    assert gentle("refuse") == "redact"
    assert gentle(BY_KIND) == {"email": "mask", "card": "redact", "ip": "allow", "default": "redact"}


@pytest.mark.parametrize(
    ("value", "mask"), [(CARD, "****1111"), ("DE89 3704", "****3704"), ("a@b.org", "****"), ("1234", "****")]
)
def test_a_mask_shows_the_last_four_of_at_least_eight(value: str, mask: str) -> None:
    assert masked(value) == mask


def test_values_are_compared_as_they_are_read() -> None:
    assert compared("4111-1111") == compared("4111\u200b 1111") == compared("４１１１1111")
    assert compared("Support@Example.com") == compared("support%40example.com")


def test_the_rule_acts_by_kind() -> None:
    rule = PersonalData(actions={"card": "mask", "ip": "allow", "default": "redact"})
    assert delivered(rule, f"{CARD}, 10.1.2.3, jane@example.com") == "****1111, 10.1.2.3, <email>"


def test_the_rule_refuses_by_kind() -> None:
    edits = whole(PersonalData(actions={"card": "refuse", "default": "redact"}), f"{CARD} jane@example.com")
    assert [(edit.kind, edit.refuse) for edit in edits] == [("card", True), ("email", False)]


def test_what_is_allowed_stays_however_it_is_written_and_cut() -> None:
    rule = PersonalData(allowed=("support@example.com", CARD))
    text = "Support@example.com, 4111-1111-1111-1111, jane@example.com"
    assert delivered(rule, text) == "Support@example.com, 4111-1111-1111-1111, <email>"
    assert streamed(rule, text) == whole(rule, text)
