from __future__ import annotations

from collections.abc import Callable

from kapagate.policy.changes import Change, Side, joined, side, written
from kapagate.policy.nodes import Mapping, Scalar
from kapagate.policy.position import Span


def test_a_value_is_written_in_one_line(node: Callable[[str], Mapping]) -> None:
    assert written(node("a: {b: [1, two], c: true, d: null}\n")) == "{a: {b: [1, two], c: true, d: null}}"
    assert written(None) == "left out"


def test_a_reference_is_written_as_such_and_never_as_what_it_stands_for() -> None:
    held = Scalar(Span("a"), "${env:KEY}", "clear", held=(("clear", "${env:KEY}"),))
    assert written(held) == "${env:KEY}"


def test_what_is_left_out_shows_its_default(node: Callable[[str], Mapping]) -> None:
    assert side(node("a: 1\n"), ("b",), Span("x", 3, 4), 7) == Side("7 (default)", "x:3:4")


def test_the_same_change_of_several_tenants_is_told_once() -> None:
    one, other = (Change("step a", "b", "looser", Side("1"), Side("2"), (name,)) for name in ("acme", "globex"))
    (both,) = joined([one, other])
    assert both.tenants == ("acme", "globex")
