"""Problems are collected, each once, in the order of the files."""

from __future__ import annotations

from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.position import Span


def test_problems_come_sorted_by_file_and_place_and_each_once() -> None:
    problems = Diagnostics()
    for file, line, column in (("b", 1, 1), ("a", 2, 1), ("a", 1, 9), ("a", 1, 2), ("a", 1, 2)):
        problems.add(codes.MALFORMED, Span(file, line, column), "x")
    assert [str(each.span) for each in problems] == ["a:1:2", "a:1:9", "a:2:1", "b:1:1"]


def test_warnings_are_no_errors() -> None:
    problems = Diagnostics()
    problems.add(codes.SHARED_PROJECT, Span("a"), "x")
    assert len(problems) == 1
    assert problems.errors == 0


def test_an_unknown_word_gets_a_suggestion_or_else_what_is_known() -> None:
    problems = Diagnostics()
    problems.unknown(codes.UNKNOWN_ROLE, Span("a", 1), "role", "vewer", ["viewer", "admin"])
    problems.unknown(codes.UNKNOWN_ROLE, Span("a", 2), "role", "zzz", ["viewer", "admin"])
    near, far = problems
    assert (near.message, near.suggestion, near.note) == ('unknown role "vewer"', "viewer", None)
    assert (far.suggestion, far.note) == (None, "known: viewer, admin")


def test_of_one_kind_in_one_file_a_hundred_are_kept_and_the_rest_does_not_hide_others() -> None:
    problems = Diagnostics()
    for line in range(150):
        problems.add(codes.MALFORMED, Span("a", line + 1), "x")
    problems.add(codes.MALFORMED, Span("b", 1), "x")
    problems.add(codes.UNKNOWN_ROLE, Span("a", 1), "x")
    assert len(problems) == 102
    assert len(problems.copy()) == 102
