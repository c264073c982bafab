"""Orders of options: which of two values is the tighter one."""

from __future__ import annotations

from typing import Any

import pytest

from kapagate.chain.order import (
    FEWER,
    FEWER_OR_ALL,
    HIGHER,
    LOWER,
    MORE,
    MORE_ENTRIES,
    NEUTRAL,
    Order,
    order_of,
    ranked,
)


@pytest.mark.parametrize(
    ("order", "before", "after", "label"),
    [
        (LOWER, 10, 9, "tighter"),
        (LOWER, None, 9, "tighter"),
        (LOWER, 9, None, "looser"),
        (HIGHER, 1, 2, "tighter"),
        (HIGHER, 2, 1, "looser"),
        (ranked("allow", "deny"), "allow", "deny", "tighter"),
        (ranked("allow", "deny"), "deny", "allow", "looser"),
        (ranked("allow", "deny"), "deny", "other", "unknown"),
        (FEWER, ("a", "b"), ("a",), "tighter"),
        (FEWER, ("a",), ("b",), "unknown"),
        (FEWER, ("a",), (), "tighter"),
        (FEWER_OR_ALL, ("a",), (), "looser"),
        (FEWER_OR_ALL, "all", ("a",), "tighter"),
        (MORE, ("a",), ("a", "b"), "tighter"),
        (MORE, ("a", "b"), ("b", "a"), "neutral"),
        (MORE, ("a",), object(), "unknown"),
        (MORE_ENTRIES, {"a": 1}, {"a": 1, "b": 2}, "tighter"),
        (MORE_ENTRIES, {"a": 1, "b": 2}, {"a": 1}, "looser"),
        (MORE_ENTRIES, {"a": 1}, {"a": 2}, "unknown"),
        (NEUTRAL, "a", "b", "neutral"),
    ],
)
def test_two_values_are_told_apart(order: Order, before: Any, after: Any, label: str) -> None:
    assert order.compare(before, after) == label


def test_an_order_is_found_among_what_a_field_declares() -> None:
    assert order_of(["x", LOWER, 3]) is LOWER
    assert order_of(["x"]) is None


def test_an_order_is_told_in_words() -> None:
    assert str(LOWER) == "lower is tighter"
    assert str(ranked("allow", None)) == "from loose to tight: allow, left out"
