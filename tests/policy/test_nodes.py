"""Values with places."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.policy.nodes import Mapping, described, plain, scalars


def test_plain_values_are_pythons_own(node: Callable[[str], Mapping]) -> None:
    assert plain(node("a: [1, x, {b: true}]\nc:\nd: 'no'\n")) == {"a": [1, "x", {"b": True}], "c": None, "d": "no"}


def test_every_scalar_below_is_found_but_no_key(node: Callable[[str], Mapping]) -> None:
    assert [scalar.text for scalar in scalars(node("a: [b, {c: d}]\ne: f\n"))] == ["b", "d", "f"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("a", "text"), ("'1'", "text"), ("1", "a number"), ("true", "true or false"), ("", "nothing"), ("[]", "a list"),
     ("{}", "a mapping")],
)  # fmt: skip
def test_values_are_described_in_a_readers_words(node: Callable[[str], Mapping], text: str, words: str) -> None:
    assert described(node(f"a: {text}").entries["a"].value) == words
