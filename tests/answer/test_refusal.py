from __future__ import annotations

from kapagate.answer.refusal import Refusal, Refused, RuleFailed


def test_a_refused_answer_says_which_step_found_what() -> None:
    refused = Refused("answer", "email")
    assert (refused.step, refused.kind, str(refused)) == ("answer", "email", "answer: email")
    assert isinstance(refused, Refusal)


def test_a_failure_is_no_decision_and_its_message_tells_nothing_of_the_text() -> None:
    failed = RuleFailed("answer", ValueError("the text itself"))
    assert not isinstance(failed, Refusal)
    assert str(failed) == "answer: ValueError"
