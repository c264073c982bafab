"""The options that guards of questions and of answers have in common."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kapagate.chain.filter import Invalid
from kapagate.chain.secret import Resolved
from kapagate.filters.guard_answer import GuardAnswer
from kapagate.filters.guard_question import GuardQuestion
from kapagate.guards.guard import Guard

BOTH = [GuardQuestion, GuardAnswer]
FILE = Resolved("# ours\nProject Falcon\n\nC++\n", "${file:terms.txt}")


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize(
    ("declared", "terms"),
    [
        (FILE, ("Project Falcon", "C++")),
        (["one", FILE, "two"], ("one", "Project Falcon", "C++", "two")),
        ([Resolved("a\nb", "${env:TERM}")], ("a\nb",)),
        (["one"], ("one",)),
    ],
)
def test_a_file_stands_for_the_terms_in_it(model: type[Guard], declared: Any, terms: tuple[str, ...]) -> None:
    assert model.model_validate({"blocked_terms": declared}).blocked_terms == terms


def test_a_text_is_no_list_of_terms() -> None:
    with pytest.raises(ValidationError):
        GuardAnswer.model_validate({"blocked_terms": "one"})


@pytest.mark.parametrize("model", BOTH)
def test_both_have_the_same_options_on_texts(model: type[Guard]) -> None:
    assert model.model_fields.keys() >= Guard.model_fields.keys()
    made = model.model_validate({"pii": {"card": "refuse", "default": "mask"}, "blocked_terms": ["x"]})
    assert {"refuse", "mask"} <= made.text_actions
    assert len(made.texts()) == 2
    assert made.policy() is None


def test_where_nothing_may_be_refused_the_same_is_redacted() -> None:
    made = GuardAnswer.model_validate({"pii": "refuse", "blocked_terms": ["falcon"], "on_blocked_term": "refuse"})
    text = "falcon jane@example.com"
    assert all(each.refuse for rule in made.texts() for each in rule.scan(text, 0, True)[0])
    assert not any(each.refuse for rule in made.forgiving_texts() for each in rule.scan(text, 0, True)[0])


def test_terms_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(Invalid) as refused:
        GuardAnswer.model_validate({"blocked_terms": ["x" * 201]}).texts()
    assert refused.value.at == ("blocked_terms",)
