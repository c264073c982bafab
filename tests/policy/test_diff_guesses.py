from __future__ import annotations

import pytest

from kapagate.policy.changes import Side
from kapagate.policy.diff_guesses import honest, unseen
from kapagate.policy.nodes import Entry, Mapping, Node, Scalar
from kapagate.policy.nodes import Sequence as Items
from kapagate.policy.position import Span

AT = Span("a.yaml")
MADE_UP = {"env:RATE", "env:OTHER"}


def value(text: str) -> Scalar:
    return Scalar(AT, text, text, held=(("60", "x"),) if "${" in text else ())


def mapping(**entries: Node) -> Mapping:
    return Mapping(AT, {key: Entry(AT, each) for key, each in entries.items()})


@pytest.mark.parametrize("label", ["looser", "tighter"])
def test_a_label_that_rests_on_a_placeholder_is_unknown(label) -> None:
    assert honest(label, Side("60/min"), Side("${env:RATE}/min"), MADE_UP) == "unknown"
    assert honest(label, Side("${env:OTHER}"), Side("left out"), MADE_UP) == "unknown"
    assert honest(label, Side("60/min"), Side("${env:KNOWN}/min"), MADE_UP) == label
    assert honest(label, Side("60/min"), Side("50/min"), MADE_UP) == label


def test_what_is_neutral_or_unknown_stays_so() -> None:
    for label in ("neutral", "unknown"):
        assert honest(label, Side("1"), Side("${env:RATE}"), MADE_UP) == label


def test_values_that_are_written_otherwise_are_found_wherever_they_stand() -> None:
    before = mapping(limit=value("60"), deep=mapping(url=value("${env:RATE}")), items=Items(AT, [value("a")]))
    after = mapping(limit=value("${env:RATE}"), deep=mapping(url=value("${env:OTHER}")), items=Items(AT, [value("a")]))
    assert list(unseen(before, after, [], MADE_UP)) == [("limit",), ("deep", "url")]
    assert list(unseen(before, after, [("deep",)], MADE_UP)) == [("limit",)]
    assert list(unseen(before, after, [], set())) == []
    assert list(unseen(before, before, [], MADE_UP)) == []


def test_a_value_that_is_left_out_on_one_side_is_found() -> None:
    assert list(unseen(mapping(), mapping(limit=value("${env:RATE}")), [], MADE_UP)) == [("limit",)]


def test_lists_of_other_lengths_are_one_value() -> None:
    before, after = (mapping(terms=Items(AT, [value(text) for text in texts])) for texts in ("ab", ["${env:RATE}"]))
    assert list(unseen(before, after, [], MADE_UP)) == [("terms",)]
