"""Code leaves an answer, however the answer is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.events import Other, Place, Text
from kapagate.answer.fences import FENCE
from kapagate.answer.report import Report
from kapagate.answer.rules import AnswerRules
from kapagate.answer.window import Window
from kapagate.guards.code import PLACEHOLDER, CodeBlocks
from tests.answer.toys import delivered

BLOCK = "```python\nprint('`~')\n```\n"
lines = st.sampled_from(
    [
        *("prose\n", "`inline` code\n", "x = 1\n", "a ``` b\n", "\n", "``", "~"),
        *("```\n", "```python\n", "~~~\n", "````\n", "  ```sh -x\n", "> ```\n", "``` \t\r\n"),
        *("`" * (FENCE + 9) + "\n", " " * 40 + "```\n"),
        *(
            "    x = 1\n",
            "\tx\n",
            "- item\n",
            "1. step\n",
            "        deep\n",
            "# head\n",
            ">     quoted\n",
            ">\n",
            "   \n",
        ),
        *("`", "\\`", "`` a ` b ``", "x" * 450, "`multi\nline`", "```a``` b\n", "```" + "y" * 150 + "\n", "- ```py\n"),
    ]
)


def said(pieces: list[str], *only: str) -> str:
    return delivered([AnswerRules("code", texts=(CodeBlocks(only),))], pieces)


def test_removes_each_block_and_says_so() -> None:
    assert said([f"First:\n{BLOCK}then\n~~~\n```\n~~~\nend"]) == f"First:\n{PLACEHOLDER}then\n{PLACEHOLDER}end"


INLINE = "[code removed]"


def test_removes_inline_code_and_leaves_marks_that_are_none() -> None:
    text = "Use `a` or ``b ` c`` and ``` in \\`prose\\`.\n~~ no fence\n"
    assert said([text]) == f"Use {INLINE} or {INLINE} and ``` in \\`prose\\`.\n~~ no fence\n"
    assert said([text], "inline") == text


def test_inline_code_goes_on_over_lines_and_not_over_paragraphs() -> None:
    assert said(["a `b\nc` d `e\n\nf` g"]) == f"a {INLINE} d `e\n\nf` g"


def test_code_too_long_to_wait_for_goes_up_to_its_end_or_the_paragraphs() -> None:
    assert said(["a `" + "x" * 900 + "` b `c`"]) == f"a {INLINE} b {INLINE}"
    assert said(["a `" + "x" * 900 + "\n\nb"]) == f"a {INLINE}\n\nb"


def test_backticks_behind_backticks_are_inline_code() -> None:
    assert said(["```rm -rf /``` and on\nand on"]) == f"{INLINE} and on\nand on"


def test_removes_indented_blocks_behind_blank_lines() -> None:
    assert said(["Run:\n\n    rm x\n\n    rm y\n\nand\n    go on\n"]) == (f"Run:\n\n{PLACEHOLDER}\n\nand\n    go on\n")
    assert said(["\tx = 1\nend"]) == f"{PLACEHOLDER}end"
    assert said(["# Head\n    x\n> a\n>\n>     quoted\n"]) == f"# Head\n{PLACEHOLDER}> a\n>\n{PLACEHOLDER}"


def test_text_of_lists_is_no_code() -> None:
    text = "1. step\n\n    goes on\n\n    - deeper\n\n      still\n- item\n\n    text\n"
    assert said([text]) == text
    assert said(["- item\n\n      code\n"]) == f"- item\n\n{PLACEHOLDER}"


BLOCKS = "```python\na\n```\n~~~ Py3 x\nb\n~~~\n```{.sh}\nc\n```\n```js\nd\n```\n```\ne\n```\n\n    f\n\nin `g`."


@pytest.mark.parametrize(
    ("only", "stay"),
    [
        (["python", "bash"], "abc"),
        (["javascript"], "d"),
        (["PY"], "ab"),
        (["plain"], "ef"),
        (["inline"], "g"),
        (["python", "shell", "js", "text", "inline"], "abcdefg"),
    ],
)
def test_only_the_named_languages_stay(only: list[str], stay: str) -> None:
    for pieces in ([BLOCKS], list(BLOCKS)):
        told = said(pieces, *only).replace(INLINE, "").replace("python", "").replace("Py3 x", "")
        assert "".join(sorted(set(told) & set("abcdefg"))) == stay
    assert said([BLOCKS], "python", "bash", "js", "plain", "inline") == BLOCKS


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
    assert said([*pieces, text[at:]], "python", "plain") == said([text], "python", "plain")


@given(st.lists(st.sampled_from(["prose\n", "a ~\n", "\n"]), max_size=8), st.sampled_from(["```", "~~~~", "> ```js"]))
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
    assert rule.scan("prose `wai", 0, False) == ([], 6)
    assert rule.clean(["prose\n  and on"])
    assert not any(rule.clean([each]) for each in ("```", "`x`", "~~~", "a\n\n    x"))
