"""Did you mean."""

from __future__ import annotations

import pytest

from kapagate.policy.suggestion import closest

WORDS = ("rate_limit", "guard_answer", "guard_question", "id", "when", "mode", "on_error")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("rate_limt", "rate_limit"),
        ("ratelimit", "rate_limit"),
        ("rate-limit", "rate_limit"),
        ("Rate_Limit", "rate_limit"),
        ("guard_anwser", "guard_answer"),
        ("whne", "when"),
        ("di", "id"),
        ("zebra", None),
        ("", None),
        ("x" * 1000, None),
    ],
)
def test_suggests_the_word_that_was_probably_meant(word: str, meant: str | None) -> None:
    assert closest(word, WORDS) == meant


def test_never_suggests_the_word_itself() -> None:
    assert closest("id", ["id"]) is None
