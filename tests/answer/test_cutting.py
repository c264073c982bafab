"""Sentences, words, letters and links decide where a text is cut."""

from __future__ import annotations

import pytest

from kapagate.answer.cutting import LINK, NEAR, WORD, cut_of, settled

LINKED = "See [the guide](https://docs.example/guide) for more."


def kept(text: str, limit: int) -> str:
    return text[: cut_of(text[: limit + 1], 0, 0, limit)] if len(text) > limit else text


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("One is. Two is. Three", 18, "One is. Two is."),
        ("One is. Two is. Three", 15, "One is. Two is."),
        ("One is. Two is. Three", 14, "One is."),
        ('He said "no!" Then he', 18, 'He said "no!"'),
        ("Steps:\n1. First this", 15, "Steps:"),
        ("In 2020. Then more of it", 20, "In 2020."),
        ("no sentence ends in here", 15, "no sentence"),
        ("日本語です。次の文もあります。終わり", 9, "日本語です。"),
        ("日本語日本語日本語", 5, "日本語日本"),
        ("ไม่มีช่องว่างเลย", 6, "ไม่มี"),
    ],
)
def test_a_sentence_comes_before_a_word(text: str, limit: int, expected: str) -> None:
    assert kept(text, limit) == expected


@pytest.mark.parametrize("limit", range(5, LINKED.index(")") + 1))
def test_no_cut_stands_in_a_link(limit: int) -> None:
    assert kept(LINKED, limit) == "See"


@pytest.mark.parametrize(
    "link",
    [
        "[a b c](https://a.example/x)",
        "![a b c](https://a.example/x)",
        "[![b c](i.png)](https://a.example/x)",
        '[a b](https://a.example/x "a title")',
        "[a b](https://a.example/x_(y)_z)",
        "[a b c][name of it]",
        "https://a.example/日本語/x",
    ],
)
def test_links_of_every_kind_stay_whole(link: str) -> None:
    text = f"Begin {link} and end it now"
    end = 6 + len(link)
    assert {kept(text, limit) for limit in range(6, end)} == {"Begin"}
    assert kept(text, end) == f"Begin {link}"


def test_brackets_that_are_no_link_do_not_matter() -> None:
    assert kept("Take a[0] and (b c) [d e] of it", 25) == "Take a[0] and (b c) [d e]"
    assert kept("An [open bracket\n\nand the next paragraph", 25) == "An [open bracket"


def test_a_long_link_at_the_limit_leaves_as_a_whole() -> None:
    text = "word " * 100 + "[x](https://a.example/" + "y" * 400 + ")"
    assert kept(text, 700) == ("word " * 100).rstrip()


def test_one_endless_token_is_cut_at_the_limit_between_letters() -> None:
    text = "e\u0301" * 300
    assert kept(text, WORD + 50) == text[: WORD + 50]
    assert kept(text, WORD + 51) == text[: WORD + 50]
    assert kept(text, WORD - 1) == ""


def test_what_is_settled_is_never_taken_back() -> None:
    texts = [LINKED * 60, "One is. Two " * 300, "x" * 3000, "[" * 2500 + "x", "日本。" * 900]
    for text in texts:
        for limit in (10, 300, 2500):
            cut = cut_of(text[: limit + 1], 0, 0, limit)
            for end in range(0, limit + 1, 7):
                assert settled(text[:end], 0, 0, limit) <= cut


def test_prose_waits_for_its_last_word_and_near_the_limit_for_its_sentence() -> None:
    assert settled("some words and ha", 0, 0, NEAR) == len("some words and")
    assert settled("An end. And wor", 0, 0, 100) == len("An end.")
    assert settled("An end. And wor", 0, 0, 1000) == len("An end. And")
    assert settled("a [link that may", 0, 0, 1000) == 1


def test_hostile_brackets_stay_linear() -> None:
    text = "[" * (LINK + WORD)
    assert cut_of(text, 0, 0, len(text) - 1) in range(len(text))
