from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.guards.disguise import View
from kapagate.guards.fold import fold
from kapagate.guards.personal import PersonalData
from tests.guards.pieces import delivered, streamed, whole

EVERYTHING = PersonalData()
CARD = "4111 " + "1111 1111 1111"
DISGUISED = {
    "full-width digits": "".join(chr(ord(each) + 0xFEE0) if each.isdigit() else each for each in CARD),
    "Arabic digits": "".join(chr(ord(each) + 0x630) if each.isdigit() else each for each in CARD),
    "digits of mathematics": "".join(chr(ord(each) + 0x1D7CE - 48) if each.isdigit() else each for each in CARD),
    "zero-width spaces": "\u200b".join(CARD),
    "soft hyphens": "\xad".join(CARD),
    "joiners": "\u2060\u200d".join(CARD),
    "keycaps": "\ufe0f\u20e3".join(CARD),
    "percent-encoding": "".join(f"%{ord(each):02x}" for each in CARD),
    "entities": "".join(f"&#{ord(each)};" for each in CARD),
    "hexadecimal entities": "".join(f"&#x{ord(each):X};" for each in CARD),
    "a mixture": "4\u200b1%31&#49; 1111 1**111** 1111",
    "emphasis of a group": "4111 **1111** 1111 1111",
    "emphasis of the first group": "**4111** 1111 1111 1111",
    "emphasis inside": "41**11** 11__11__ 1111 ~~1111",
    "escaped dashes": CARD.replace(" ", "\\-"),
}


@pytest.mark.parametrize("text", DISGUISED.values(), ids=DISGUISED)
def test_finds_a_card_in_disguise(text: str) -> None:
    assert delivered(EVERYTHING, f"see {text} here").replace("*", "") == "see <card> here"


@pytest.mark.parametrize("text", DISGUISED.values(), ids=DISGUISED)
def test_finds_it_however_it_is_cut(text: str) -> None:
    text = f"see {text} here, 20% & more **now**"
    expected = whole(EVERYTHING, text)
    assert [edit.kind for edit in expected] == ["card"]
    assert streamed(EVERYTHING, text) == expected
    for cut in range(len(text)):
        assert streamed(EVERYTHING, (text[:cut], text[cut:])) == expected


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("jane%40example.com", "<email>"),
        ("jane&commat;example&period;com", "<email>"),
        ("jane&#64;example.com", "<email>"),
        ("j\u200bane@exam\xadple.com", "<email>"),
        ("jane**@**example.com", "<email>"),
        ("jane\\@example.com", "<email>"),
        ("jane%20%5bat%5D%20example%20%5Bdot%5d%20com", "<email>"),
        ("jane%7Bat%7Dexample.com", "<email>"),
        ("%3Cjane%40example.com%3E", "%3C<email>%3E"),
        ("jаne@exаmple.com", "<email>"),  # two Cyrillic letters
        ("tel:%2B49%2030%2012345678", "tel:<phone>"),
        ("415\\-555\\-2671", "<phone>"),
        ("+49 **30** 12345678", "<phone>"),
        ("123\u200b-45-6789", "<ssn>"),
        ("192.168.10&period;254", "<ip>"),
        ("DЕ89 3704 0044 0532 0130 00", "<iban>"),  # one Cyrillic letter
        ("АKIA" + "IOSFODNN7EXAMPLE", "<api_key>"),  # one Cyrillic letter
    ],
)
def test_finds_what_is_written_in_another_way(text: str, becomes: str) -> None:
    assert delivered(EVERYTHING, text) == becomes


@pytest.mark.parametrize(
    "text",
    [
        "2**10 = 1024, 3 * 4 * 5 = 60, x_1 and y_2, 1_000_000",
        "https://example.com/a%20b%2Fc?d=%7B1%7D&e%5B%5D=2&f=%3Cb%3Ebold%3C%2Fb%3E",
        "Tom &amp; Jerry &lt;3 &#8364;5 100%25",
        "👩\u200d💻 writes \xadsoft hy\xadphens, e\u0301te\u0301",
        "**Note:** `200` and *3*",
        "4111\u200b2222",
    ],
)
def test_leaves_what_hides_nothing(text: str) -> None:
    assert delivered(EVERYTHING, text) == text


@pytest.mark.parametrize("text", ["plain", "a\u200bb%40c**1** 2", "&#64;&period;x", "\u200b\u200b", "1**2**3"])
def test_a_view_knows_where_its_characters_stand(text: str) -> None:
    view = View(fold(text))
    places = [view.original(place) for place in range(len(view.data) + 1)]
    assert places == sorted(places)
    assert [view.place(each) for each in places[:-1]] == list(range(len(view.data)))


PARTS = [
    *DISGUISED.values(),
    "\u200b",
    "%",
    "%4",
    "&",
    "&#",
    "&#5",
    "**",
    "*",
    "_",
    "\\",
    "1",
    "4111",
    "@",
    "a.b",
    " ",
    "é",
]


@given(st.lists(st.sampled_from(PARTS), max_size=10).map("".join), st.lists(st.integers(0, 300), max_size=8))
def test_edits_in_disguised_texts_do_not_depend_on_how_they_were_cut(text: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[first:last] for first, last in itertools.pairwise(places)]
    assert streamed(EVERYTHING, pieces) == whole(EVERYTHING, text)


def test_texts_that_are_clean_have_nothing_in_disguise() -> None:
    dice = random.Random(7)
    for _ in range(300):
        text = "".join(dice.choices(PARTS, k=6))
        assert not (EVERYTHING.clean([text]) and whole(EVERYTHING, text))


def test_more_than_the_slack_between_two_words_keeps_them_apart() -> None:
    text = "1999" + "\u200b" * 150 + "DE89 3704 0044 0532 0130 00 it is"
    rule = PersonalData(["iban"])
    assert delivered(rule, text) == "1999" + "\u200b" * 150 + "<iban> it is"
    assert streamed(rule, text) == whole(rule, text)
