"""Inline code, and how long backticks wait for their like."""

from __future__ import annotations

from kapagate.guards.code_spans import LONGEST, PLACEHOLDER, Spans


def edits_of(text: str, final: bool = True) -> tuple[list[tuple[int, int, str]], int]:
    spans, found, at = Spans(), [], 0
    while at < len(text) and (end := spans.read(text, at, final, found)) > at:
        at = end
    return [(each.start, each.end, each.text) for each in found], at


def test_code_is_found_with_its_backticks() -> None:
    assert edits_of("a `b` ``c`d`` e") == ([(2, 5, PLACEHOLDER), (6, 13, PLACEHOLDER)], 15)


def test_backticks_wait_for_their_like_and_no_longer_than_they_must() -> None:
    assert edits_of("a `b", final=False) == ([], 2)
    assert edits_of("a `b\n\nc", final=False) == ([], 7)
    assert edits_of("a `b\n``` c", final=False) == ([], 5)
    assert edits_of("a `", final=False) == ([], 2)
    edits, at = edits_of("a `" + "b" * (LONGEST + 1), final=False)
    assert at == 3 + LONGEST + 1
    assert edits[0] == (2, 3, PLACEHOLDER)


def test_a_run_that_is_no_code_stays() -> None:
    assert edits_of("`" * 100 + " a `b`") == ([(103, 106, PLACEHOLDER)], 106)


def test_escaped_backticks_open_nothing() -> None:
    assert edits_of(r"\`a` b") == ([], 6)
    assert edits_of(r"\\`a` b")[0] == [(2, 5, PLACEHOLDER)]
