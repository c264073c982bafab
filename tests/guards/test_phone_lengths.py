from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kapagate.guards import phone_lengths
from kapagate.guards.detector import Detector
from kapagate.guards.phone import PHONE
from kapagate.guards.phone_lengths import known_lengths, lengths, listed_lengths

Found = Callable[[Detector, str], list[str]]


@pytest.fixture(params=[True, False], ids=["with the library", "without it"])
def installed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    monkeypatch.setattr(phone_lengths, "INSTALLED", request.param)
    lengths.cache_clear()
    yield request.param
    lengths.cache_clear()


@pytest.mark.parametrize(
    "number",
    ["+1 415-555-2671", "+49 30 1234567", "+33 6 12 34 56 78", "+44 20 7946 0123", "+91 98765 43210", "+65 6123 4567"],
)
def test_numbers_of_their_countries_lengths_are_found(found: Found, installed: bool, number: str) -> None:
    assert found(PHONE, f"at {number}, please") == [number]


@pytest.mark.parametrize("number", ["+33 1 23 45 67", "+44 20 7946", "+351 21 123 45"])
def test_the_library_knows_which_are_too_short(found: Found, installed: bool, number: str) -> None:
    assert found(PHONE, f"at {number}, please") == ([] if installed else [number])


def test_what_follows_a_number_of_full_length_is_no_part_of_it(found: Found, installed: bool) -> None:
    assert found(PHONE, "at +33 6 12 34 56 78 90 or so") == ["+33 6 12 34 56 78"]


def test_countries_that_neither_knows_have_any_length() -> None:
    assert known_lengths("999") == listed_lengths("999") == range(8, 16)


def test_the_library_is_one_of_the_test_environment() -> None:
    assert phone_lengths.INSTALLED
