from __future__ import annotations

import pytest

from kapagate.guards.checks import CheckName, passes

RIGHT: dict[CheckName, tuple[bytes, ...]] = {
    "luhn": (b"79927398713", b"046 454 286"),
    "mod97": (b"DE89 3704 0044 0532 0130 00", b"gb29nwbk60161331926819"),
    "mod11_2": (b"0000-0002-1825-0097", b"0000-0002-1694-233X"),
    "mod11_10": (b"86 095 742 719", b"69435151530"),
    "verhoeff": (b"2363", b"123451", b"4991 1866 5246"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_numbers_pass_with_separators_or_without(name: CheckName) -> None:
    for number in RIGHT[name]:
        assert passes(name, number)
        assert passes(name, number.replace(b" ", b"").replace(b"-", b""))


@pytest.mark.parametrize("name", RIGHT)
def test_one_wrong_digit_does_not_pass(name: CheckName) -> None:
    for number in RIGHT[name]:
        for at, digit in enumerate(number):
            if 48 <= digit < 58:
                wrong = number[:at] + b"%d" % ((digit - 47) % 10) + number[at + 1 :]
                assert not passes(name, wrong)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("candidate", [b"", b"-", b"7", b"a!", b"x9x9", b"X", b"1\xe9"])
def test_what_is_no_number_of_the_kind_does_not_pass(name: CheckName, candidate: bytes) -> None:
    assert not passes(name, candidate)
