from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.detector import Detector
from kapagate.guards.ssn import SSN

Found = Callable[[Detector, str], list[str]]


@pytest.mark.parametrize(
    "number", ["123-45-6789", "123 45 6789", "899-99-9999", "001-01-0001", "123\u201145\u20116789"]
)
def test_finds_numbers_with_separators(found: Found, number: str) -> None:
    for text in (number, f"SSN: {number}.", f"({number})", f"is {number}, really"):
        assert found(SSN, text) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "123-00-6789",
        "123-45-0000",
        "123456789",
        "123-45 6789",
        "1123-45-6789",
        "123-45-67890",
        "A123-45-6789",
        "12-123-45-6789",
        "123-45-6789-1",
        "+123-45-6789",
        "/123-45-6789",
        "1 123 45 6789",
        "123 45 6789 12",
        "2024-01-1512",
    ],
)
def test_leaves_what_cannot_be_one(found: Found, text: str) -> None:
    assert found(SSN, text) == []


@pytest.mark.parametrize(
    "text",
    ["ssn={}", "user_ssn: {}", '"ssn": "{}"', "SSN | {}", "Social Security Number: {}", "<ssn>{}</ssn>", "ITIN {}"],
)
def test_finds_nine_digits_behind_words_that_say_so(found: Found, text: str) -> None:
    assert found(SSN, text.format("219099999")) == ["219099999"]


@pytest.mark.parametrize(
    "number", ["666-12-3456", "000-12-3456", "900-12-3456", "123-00-6789", "987-65-4321", "900123456"]
)
def test_finds_numbers_that_were_never_given_out_behind_words_that_say_so(found: Found, number: str) -> None:
    for text in ("my SSN is {}", "Social Security Number: {}.", "soc. sec. no. {}", "SS# {}"):
        assert found(SSN, text.format(number)) == [number]


def test_leaves_the_number_of_nobody(found: Found) -> None:
    assert found(SSN, "SSN: 000-00-0000") == []


@pytest.mark.parametrize("label", ["Suite", "Apt.", "Unit #", "P.O. Box", "Room"])
def test_leaves_groups_behind_a_label_of_an_address(found: Found, label: str) -> None:
    assert found(SSN, f"Mrs. Doe {label} 680 36 4022 Oakridge Lane") == []
    assert found(SSN, f"Mrs. Doe {label} 680-36-4022") == ["680-36-4022"]


def test_finds_groups_between_blanks_behind_words_that_say_so_in_an_address(found: Found) -> None:
    assert found(SSN, "Suite 4, SSN 680 36 4022") == ["680 36 4022"]
