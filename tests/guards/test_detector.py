from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kapagate.guards.detector import Detector
from kapagate.guards.fold import fold
from kapagate.guards.personal import DETECTORS, PersonalData
from kapagate.guards.regex import matcher
from tests.guards.pieces import delivered, streamed, whole


def check(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    return (start, end) if data[start:end] != b"ab0" else None


DETECTOR = Detector(
    name="toy", placeholder="<toy>", pattern=rb"ab\d", unfinished=rb"a|ab", longest=3, before=0, check=check
)


def test_finds_what_passes_the_check() -> None:
    assert list(DETECTOR.find(b"ab1 ab0 ab2", 0, 11)) == [(0, 3), (8, 11)]


def test_finds_what_starts_in_the_stretch_that_it_is_asked_about() -> None:
    assert list(DETECTOR.find(b"ab1ab2ab3", 1, 6)) == [(3, 6)]
    assert list(DETECTOR.find(b"ab1ab2ab3", 3, 4)) == [(3, 6)]


def test_findings_may_overlap() -> None:
    toy = Detector(
        name="toy", placeholder="<toy>", pattern=rb"\d\d", unfinished=rb"\d", longest=2, before=0,
        check=lambda data, start, end: (start, end),
    )  # fmt: skip
    assert list(toy.find(b"123", 0, 3)) == [(0, 2), (1, 3)]


def test_is_settled_before_what_may_still_grow() -> None:
    assert DETECTOR.settled(b"ab1 a", 0) == 4
    assert DETECTOR.settled(b"ab1 b", 0) == 5
    assert DETECTOR.settled(b"a", 1) == 1


def test_waits_for_no_more_than_the_longest() -> None:
    toy = Detector(name="t", placeholder="", pattern=rb"\d{3}", unfinished=rb"\d+", longest=3, before=0, check=check)
    assert toy.settled(b"1" * 10, 0) == 7


LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def dni(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """A Spanish national identity number: eight digits, and the letter of their rest by 23."""
    number = data[start:end]
    right = LETTERS[int(number[:8]) % 23] == number[8:].decode().upper()
    return (start, end) if right and not data[end : end + 1].isalnum() else None


DNI = Detector(
    name="dni", placeholder="<dni>", pattern=rb"\b\d{8}[A-Za-z]", unfinished=rb"\b\d{1,8}[A-Za-z]?", longest=10,
    before=1, check=dni,
)  # fmt: skip


def test_a_national_number_is_a_detector_like_any_other() -> None:
    rule = PersonalData((), more={DNI: "redact"})
    text = "DNI 12345678Z, not 12345678A; 1234\u200b5678z"
    assert delivered(rule, text) == "DNI <dni>, not 12345678A; <dni>"
    assert streamed(rule, text) == whole(rule, text)
    assert delivered(PersonalData(more={DNI: "mask"}), "jane@example.com has 12345678Z") == "<email> has ****678Z"


PARTS = [
    *(
        "12",
        "th ",
        "of ",
        "May ",
        "3, 1985",
        "1234567",
        "555-2671",
        ", ",
        " ",
        "ext",
        "x",
        "(",
        ")",
        "+49 30 ",
        "a",
        ".",
        "-",
        ":",
    ),
    *("jane", "@", "example.com", "[at] ", "dot ", "Jane ", "van ", "O'", "DE89 3704 ", "4111 1111 ", "::", "00:1A:"),
    *("sk-", "AKIA", "eyJ", "-----BEGIN ", "hunter2", "=", "/", "123456789", "%40", "é"),
]


@pytest.mark.parametrize("name", sorted(DETECTORS))
@given(text=st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map("".join))
@example("12th of May 1985")
@example("1234567, x12")
@example("1234567x12 (mobile")
@example("abcdefghijklm.")
def test_what_is_unfinished_was_so_from_its_first_character_on(name: str, text: str) -> None:
    begun, data = matcher(rb"(?:" + DETECTORS[name].unfinished + rb")\z"), fold(text)
    lengths = [length for length in range(1, len(data) + 1) if begun(data[:length], 0)[0] == 0]
    assert lengths == list(range(1, len(lengths) + 1))
