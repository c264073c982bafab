"""Fenced code leaves an answer, however the answer is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.events import Other, Place, Text
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules
from kapagate.answer.window import Window
from kapagate.guards.code import FENCE, PLACEHOLDER, CodeBlocks

BLOCK = "```python\nprint('`~')\n```\n"
lines = st.sampled_from(
    [
        *("prose\n", "`inline` code\n", "x = 1\n", "a ``` b\n", "\n", "``", "~"),
        *("```\n", "```python\n", "~~~\n", "````\n", "  ```sh -x\n", "> ```\n", "``` \t\r\n"),
        *("`" * (FENCE + 9) + "\n", " " * 40 + "```\n"),
    ]
)


def said(pieces: list[str]) -> str:
    rules, report = [AnswerRules("code", texts=(CodeBlocks(),))], Report()
    report.enrol(rules)
    window, out = Window(rules, report), []
    for piece in pieces:
        window.add(Text(piece))
        out += window.release()
    out += window.release(final=True)
    return "".join(event.text for event in out if isinstance(event, Text))


def test_removes_each_block_and_says_so() -> None:
    assert said([f"First:\n{BLOCK}then\n~~~\n```\n~~~\nend"]) == f"First:\n{PLACEHOLDER}then\n{PLACEHOLDER}end"


def test_keeps_inline_code_and_marks_within_a_line() -> None:
    text = "Use `a` or ``b`` and ``` in prose.\n~~ no fence\n"
    assert said([text]) == text


def test_a_fence_is_closed_only_by_one_as_long_and_with_nothing_behind_it() -> None:
    assert said(["````\n```\n```` x\n~~~~~\n````\nafter"]) == f"{PLACEHOLDER}after"


def test_a_block_that_is_never_closed_ends_with_the_answer() -> None:
    assert said(["a\n```\nsecret\n``` not closed\nmore"]) == f"a\n{PLACEHOLDER}"


def test_fences_in_lists_and_quotes_are_fences() -> None:
    assert said(["1. do\n     ```sh\n     rm x\n     ```\n> ```\n> y\n> ```\nend"]) == (
        f"1. do\n{PLACEHOLDER}{PLACEHOLDER}end"
    )


@given(st.lists(lines, max_size=14), st.lists(st.integers(1, 30), max_size=12))
def test_every_cut_delivers_the_same(parts: list[str], sizes: list[int]) -> None:
    text = "".join(parts)
    pieces, at = [], 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    assert said([*pieces, text[at:]]) == said([text]) == said(list(text))


@given(st.lists(st.sampled_from(["prose\n", "`a` ~\n", "\n"]), max_size=8), st.sampled_from(["```", "~~~~", "> ```js"]))
def test_nothing_of_a_block_is_in_any_prefix_that_was_sent(before: list[str], fence: str) -> None:
    told = said(list("".join(before) + f"{fence}\nHIDDEN\n"))
    assert told == "".join(before) + PLACEHOLDER


def test_whole_texts_in_between_do_not_touch_the_running_one() -> None:
    rules, report = [AnswerRules("code", texts=(CodeBlocks(),))], Report()
    report.enrol(rules)
    window = Window(rules, report)
    window.add(Text("a\n```\nhidden\n"))
    window.add(Other("```\nx\n```\ny", (Place((), "answer"),)))
    out = window.release()
    window.add(Text("still hidden\n```\nb"))
    out += window.release(final=True)
    assert [each.text if isinstance(each, Text) else each.value for each in out] == [
        f"a\n{PLACEHOLDER}",
        f"{PLACEHOLDER}y",
        "b",
    ]


def test_prose_waits_for_nothing_but_what_may_be_a_fence() -> None:
    rule = CodeBlocks()
    assert rule.scan("prose goes on", 0, False) == ([], 13)
    assert rule.scan("prose\n  ``", 0, False) == ([], 6)
    assert rule.clean(["`x`"])
    assert not rule.clean(["```"])
