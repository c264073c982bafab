from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.detector import Detector
from kapagate.guards.iban import IBAN, LENGTHS, mod97

Found = Callable[[Detector, str], list[str]]


@pytest.mark.parametrize(
    "number",
    [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000",
        "de89370400440532013000",
        "GB29 NWBK 6016 1331 9268 19",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NL91ABNA0417164300",
        "NO93 8601 1117 947",
        "MT84MALT011000012345MTLCAST001S",
        "CH93 0076 2011 6238 5295 7",
        "ES9121000418450200051332",
    ],
)
def test_finds_account_numbers_in_groups_and_in_one_piece(found: Found, number: str) -> None:
    for text in (number, f"IBAN: {number}.", f"({number})", f"{number} is mine", f"to {number}, by Friday"):
        assert found(IBAN, text) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "DE88370400440532013000",
        "DE8937040044053201300",
        "DE893704004405320130001",
        "XX89370400440532013000",
        "XDE89370400440532013000",
        "DE89  3704 0044 0532 0130 00",
        "de89b0c4-58cc-4372-a567-0e02b2c3d479",
        "DE89 is the room where we will meet again",
    ],
)
def test_leaves_what_is_no_account_number(found: Found, text: str) -> None:
    assert found(IBAN, text) == []


def test_finds_two_account_numbers_side_by_side(found: Found) -> None:
    both = "NL91ABNA0417164300 NO93 8601 1117 947"
    assert found(IBAN, both) == ["NL91ABNA0417164300", "NO93 8601 1117 947"]


def test_knows_a_length_for_each_country_once() -> None:
    assert len(LENGTHS) >= 85
    assert all(15 <= length <= 34 and len(country) == 2 for country, length in LENGTHS.items())


def test_mod97() -> None:
    assert mod97(b"GB82WEST12345698765432")
    assert not mod97(b"GB82WEST12345698765423")


def test_takes_a_right_check_in_capitals_for_enough_where_the_length_is_another(found: Found) -> None:
    for number in ("GB85DKGG5305355700850", "GB85 DKGG 5305 3557 0085 0"):
        assert found(IBAN, f"to {number}, by Friday") == [number]
        assert found(IBAN, f"to {number.lower()}, by Friday") == []
        assert found(IBAN, f"to {number}7, by Friday") == []
