from __future__ import annotations

import pytest

from kapagate.answer.rules import Altered, AnswerRules, Edit, Limit


def test_rules_bind_and_fail_closed_unless_they_say_otherwise() -> None:
    rules = AnswerRules("step")
    assert rules.binding
    assert not rules.lenient


@pytest.mark.parametrize(
    ("shared", "name"), [(AnswerRules("s"), "step"), (Edit(0, 1, "", "k"), "text"), (Limit(1, ""), "notice")]
)
def test_what_answers_share_cannot_be_changed(shared: object, name: str) -> None:
    with pytest.raises(AttributeError, match="immutable"):
        setattr(shared, name, "other")


def test_rules_that_come_every_time_are_altered_once() -> None:
    loosen = Altered(binding=False)
    one, other = AnswerRules("one"), AnswerRules("other")
    assert loosen(one) == AnswerRules("one", binding=False)
    assert loosen(one) is loosen(one)
    assert loosen(other) == AnswerRules("other", binding=False)
