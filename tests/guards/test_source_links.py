"""Links to what may not be named leave a text, however it is cut; their words stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.rules import AnswerRules
from kapagate.guards.source_links import LONGEST, PLACEHOLDER, SourceLinks
from kapagate.guards.sources import Named, NamedSources, Seen
from tests.answer.toys import delivered

DENY = NamedSources((), (Named(url="https://docs.example/internal/*"), Named(url="https://www.bad.example*")))
ALLOW = NamedSources((Named(url="https://docs.example/open/*"),), ())
TITLED = NamedSources((), (Named(url="https://docs.example/*", title="*draft*"),))
PAY = "https://docs.example/internal/pay"
OPEN = "https://docs.example/open/start"


def said(pieces: list[str], named: NamedSources = DENY, seen: Seen | None = None) -> str:
    return delivered([AnswerRules("links", texts=(SourceLinks(named, seen),))], pieces)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"See [the pay]({PAY}).", "See [the pay]."),
        (f"See [the pay](<{PAY}>).", "See [the pay]."),
        (f'See [pay]({PAY} "Pay").', f'See [pay]({PLACEHOLDER} "Pay").'),
        (f"See <{PAY}>, please", f"See {PLACEHOLDER}, please"),
        (f"See {PAY}.", f"See {PLACEHOLDER}."),
        (f"({PAY}#part) and", f"({PLACEHOLDER}) and"),
        (f"**{PAY}**", f"**{PLACEHOLDER}**"),
        (f"[1]: {PAY}\n", f"[1]: {PLACEHOLDER}\n"),
        (f'<a href="{PAY}">', f'<a href="{PLACEHOLDER}">'),
        ("[pay](//docs.example/internal/pay)", "[pay]"),
        ("at www.bad.example/x now", f"at {PLACEHOLDER} now"),
        ("HTTP://Docs.Example/internal/pay", PLACEHOLDER),
        ("https://docs.example/internal/pay_(x)", PLACEHOLDER),
        (f"[![pay]({PAY}/i.png)]({PAY})", "[![pay]]"),
        (f"See [start]({OPEN}), {OPEN} and a[0](b).", f"See [start]({OPEN}), {OPEN} and a[0](b)."),
        ("// a comment, and/or //x", "// a comment, and/or //x"),
    ],
)
def test_the_address_leaves_and_the_words_stay(text: str, expected: str) -> None:
    assert said([text]) == said(list(text)) == expected


def test_with_an_allow_list_all_else_loses_its_address() -> None:
    text = f"[a]({OPEN}) [b](https://elsewhere.example/) {PAY}"
    assert said([text], ALLOW) == f"[a]({OPEN}) [b] {PLACEHOLDER}"


def test_what_only_the_list_can_say_is_judged_by_it_or_removed() -> None:
    text = f"{PAY} {OPEN} https://docs.example/x https://elsewhere.example/"
    seen = Seen({OPEN}, {PAY}, 1)
    assert said([text], TITLED, seen) == f"{PLACEHOLDER} {OPEN} https://docs.example/x https://elsewhere.example/"
    assert said([text], TITLED) == f"{PLACEHOLDER} {PLACEHOLDER} {PLACEHOLDER} https://elsewhere.example/"
    assert said([text], NamedSources((), (), True)) == " ".join([PLACEHOLDER] * 4)
    assert said([text], NamedSources((), (), True), seen) == said([text], TITLED, seen)


def test_an_address_too_long_to_wait_for_is_removed() -> None:
    for size in (1, 7, 500, 9000):
        text = f"a {OPEN}/{'x' * LONGEST} b {OPEN}"
        assert said([text[at : at + size] for at in range(0, len(text), size)]) == f"a {PLACEHOLDER} b {OPEN}"


PARTS = st.sampled_from(
    [
        *(
            PAY,
            OPEN,
            f"[words]({PAY})",
            f"<{PAY}>",
            "www.bad.example",
            "https:",
            "http",
            "://",
            "//",
            "](",
            "](<",
            ">)",
            ")",
        ),
        *(
            " ",
            "\n",
            "[",
            "prose ",
            "a" * 40,
            "(",
            "!",
            ".",
            "w",
            "ww",
            "x" * LONGEST,
            "日本",
            "https://docs.example/intern",
        ),
    ]
)


@given(st.lists(PARTS, max_size=12).map("".join), st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_every_cut_delivers_the_same(text: str, sizes: list[int]) -> None:
    pieces, at = [], 0
    while at < len(text):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(text[at : at + size])
        at += size
    for named in (DENY, ALLOW):
        told = said([text], named)
        assert said(pieces, named) == told
        assert not any(word.lstrip("([<").startswith("https://docs.example/internal/") for word in told.split())


def test_prose_waits_for_its_last_word_and_clean_texts_are_known() -> None:
    rule = SourceLinks(DENY, None)
    assert rule.scan("prose goes on", 0, False) == ([], 11)
    assert rule.scan("prose goes on ", 0, False) == ([], 14)
    assert rule.clean(["prose: a/b"])
    assert not rule.clean([PAY])
    assert not rule.clean(["WWW.x"])
