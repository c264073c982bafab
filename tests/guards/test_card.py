from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.card import CARD, luhn
from kapagate.guards.detector import Detector

Found = Callable[[Detector, str], list[str]]


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111\u20111111\u20111111\u20111111",
        "４１１１１１１１１１１１１１１１",
        "4222222222222",
        "5555 5555 5555 4444",
        "5105105105105100",
        "2223003122003222",
        "3782 822463 10005",
        "371449635398431",
        "3056 930902 5904",
        "36227206271667",
        "6011 1111 1111 1117",
        "3530111333300000",
        "6200000000000005",
        "6304 0000 0000 0000",
        "2200 0000 0000 0004",
        "4000 0000 0000 0000 006",
    ],
)
def test_finds_cards_of_all_issuers_as_they_are_printed(found: Found, number: str) -> None:
    for text in (number, f"card: {number}.", f"({number})", f"{number}, 12/29", f"x={number};", f"{number}\nCVV 123"):
        assert found(CARD, text) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "4111111111111112",
        "1234567812345670",
        "9111111111111116",
        "411111111111",
        "411111111111111141111111111111",
        "12344111111111111111",
        "A4111111111111111",
        "4111111111111111B",
        "0.4111111111111111",
        "4111111111111111.5",
        "/4111111111111111",
        "+4111111111111111",
        "12345678-4111-1111-1111-111112345678",
        "4111  1111  1111  1111",
        "4111-1111 1111-1111",
        "1700000000000",
    ],
)
def test_leaves_numbers_that_are_no_cards(found: Found, text: str) -> None:
    assert found(CARD, text) == []


def test_finds_a_card_behind_another_group_of_digits(found: Found) -> None:
    assert found(CARD, "in 2024 4111 1111 1111 1111 123") == ["4111 1111 1111 1111"]


def test_finds_two_cards_side_by_side(found: Found) -> None:
    both = "4111 1111 1111 1111 5555 5555 5555 4444"
    assert found(CARD, both) == ["4111 1111 1111 1111", "5555 5555 5555 4444"]


@pytest.mark.parametrize(("digits", "valid"), [(b"79927398713", True), (b"79927398710", False), (b"0", True)])
def test_luhn(digits: bytes, valid: bool) -> None:
    assert luhn(digits) is valid


@pytest.mark.parametrize(
    "number", ["630400000000", "6762 0000 0005", "5693-0000-0001", "0604 2600 0000", "3500000000000009"]
)
def test_finds_cards_of_three_groups_and_of_every_range_of_an_issuer(found: Found, number: str) -> None:
    assert found(CARD, f"use {number} instead") == [number]


@pytest.mark.parametrize(
    "text",
    [
        "card {}",
        "Credit card number: {}",
        "cc {}",
        "pan={}",
        "Meine Kreditkarte {}",
        "Carte : {}",
        '"card_number": "{}"',
    ],
)
def test_behind_words_for_a_card_a_right_check_digit_is_enough(found: Found, text: str) -> None:
    for number in ("9111111111111110", "700000000005", "620475105244630"):
        assert found(CARD, text.format(number)) == [number]
        assert found(CARD, f"item {number}") == []


@pytest.mark.parametrize("text", ["card 9111111111111111", "card 0000 0000 0000 0000", "discard 9111111111111110"])
def test_but_a_wrong_one_and_no_number_at_all_are_not(found: Found, text: str) -> None:
    assert found(CARD, text) == []
