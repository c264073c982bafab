from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kapagate.guards.disguise import SLACK
from kapagate.guards.personal import DETECTORS, PersonalData
from tests.guards.pieces import delivered, streamed, whole

EVERYTHING = PersonalData()
UNSEEN = "\u200b"
VALUES = {
    "email": "jane.doe@example.com",
    "email_spelled": "jane [at] example dot com",
    "phone": "+49 30 1234567",
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "ip": "192.168.10.254",
    "mac": "00:1A:2B:3C:4D:5E",
    "ssn": "219-09-9999",
    "api_key": "AKIA" + "IOSFODNN7EXAMPLE",
    "phone_spoken": "4155552671",
    "birth": "12.03.1985",
    "name": "Jane Doe",
    "secret": "hunter2Xy9",
    "credentials": "me:" + "s3cr3tpw@" + "db",
}
LED = {
    "phone_spoken": "call ",
    "birth": "born on ",
    "name": "my name is ",
    "secret": "password: ",
    "credentials": "postgres://",
}


def seen(text: str) -> str:
    return text.replace(UNSEEN, "")


def left_of(value: str, text: str) -> set[str]:
    """Parts of the value, of four characters, that can still be read."""
    parts = {value[place : place + 4] for place in range(len(value) - 3)}
    return {part for part in parts if part in text}


@pytest.mark.parametrize("alone", [False, True], ids=["all detectors", "one alone"])
@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("unseen", [SLACK + 1, 200, 700])
def test_a_value_that_is_stretched_anywhere_is_redacted(name: str, unseen: int, alone: bool) -> None:
    rule, value, led = PersonalData([name]) if alone else EVERYTHING, VALUES[name], LED.get(name, "")
    for place in range(1, len(value)):
        text = f"It is {led}{value[:place]}{UNSEEN * unseen}{value[place:]}, and that is all."
        assert any(edit.at_bound for edit in whole(rule, text)) or not left_of(value, seen(delivered(rule, text)))
        assert len(left_of(value, seen(delivered(rule, text)))) <= 1
        assert streamed(rule, text) == whole(rule, text)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("unseen", [8, 30, 90, SLACK, 150])
def test_a_value_that_is_stretched_everywhere_is_redacted(name: str, unseen: int) -> None:
    text = f"It is {LED.get(name, '')}{(UNSEEN * unseen).join(VALUES[name])}, and that is all."
    assert not left_of(VALUES[name], seen(delivered(EVERYTHING, text)))
    assert streamed(EVERYTHING, [text[:40], text[40:]]) == whole(EVERYTHING, text)


def test_it_is_said_that_the_bound_was_reached() -> None:
    text = "219-09-" + UNSEEN * 400 + "9999, it is"
    edits = whole(PersonalData(["ssn"]), text)
    assert {(edit.kind, edit.at_bound, edit.text) for edit in edits} == {("ssn", True, "<ssn>")}
    assert (edits[0].start, text[edits[0].end :]) == (0, " it is")


def test_of_several_the_one_that_is_refused_names_it() -> None:
    rule = PersonalData(actions={"card": "refuse", "default": "redact"})
    edits = whole(rule, "4111 1111 1111" + UNSEEN * 400 + " 1111")
    assert [(edit.kind, edit.refuse) for edit in edits if edit.start == 0] == [("card", True)]


def test_what_nobody_looked_at_is_not_masked() -> None:
    text = "jane.doe@example" + UNSEEN * 700 + ".com it is"
    assert delivered(PersonalData(["email"], "mask"), text).startswith("<email>")


@pytest.mark.parametrize(
    "text",
    [
        "Indent it: " + "&nbsp;" * 60 + "| " + "&nbsp;" * 60 + "| done.",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f " * 40,
        "می\u200cخواهم کتاب\u200cهای بیشتری بخوانم و در خانه\u200cی خود بمانم. " * 40,
        "https://example.com/?q=" + "%7B%22name%22%3A%22values%22%7D%20" * 40,
    ],
    ids=["indented", "flags", "Persian", "a link"],
)
def test_disguise_without_a_candidate_stays(text: str) -> None:
    assert not whole(EVERYTHING, text)


PARTS = [
    *(UNSEEN * 45, UNSEEN * 150, UNSEEN, "&zwnj;", "%40", "4111 ", "1111", "jane", ".doe", "@", "example.com", " "),
    *(
        "born on ",
        "12",
        "th ",
        "May ",
        "1985",
        "password: ",
        "hunter2Xy9",
        "://",
        "me:",
        "+49 30 ",
        ", ",
        "x12",
        "call ",
    ),
    *("call ", "DE89 3704 ", "0044 0532", "my name is ", "Jane ", "[at] ", "AKIA", "-", "é", "\n"),
]


@given(st.lists(st.sampled_from(PARTS), max_size=10).map("".join), st.lists(st.integers(0, 600), max_size=8))
@example("1234567, " + UNSEEN * 195 + "Authorization: Basic 192.168", [2, 38, 40])
@example("password://" + UNSEEN * 150 + "$host.example", [20, 60, 100])
@example("4111 1111 " + UNSEEN * 150 + " ext. 512th of 12th of - ", [70])
def test_it_does_not_depend_on_how_the_text_was_cut(text: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[first:last] for first, last in itertools.pairwise(places)]
    assert streamed(EVERYTHING, pieces) == whole(EVERYTHING, text)


@pytest.mark.parametrize("name", sorted(DETECTORS))
@given(parts=st.lists(st.sampled_from(PARTS), max_size=8))
def test_nor_does_it_with_one_detector(name: str, parts: list[str]) -> None:
    rule, text = PersonalData([name]), "".join(parts)
    assert streamed(rule, text) == whole(rule, text)
