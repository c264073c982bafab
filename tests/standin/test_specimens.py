from __future__ import annotations

from ipaddress import ip_address

from kapagate.standin.specimens import SPECIMENS, quote_specimens


def luhn(digits: str) -> int:
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(digits)]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10


def test_the_card_passes_luhn() -> None:
    digits = SPECIMENS["card"].replace(" ", "")
    assert len(digits) == 16
    assert luhn(digits) == 0


def test_the_iban_passes_mod_97() -> None:
    iban = SPECIMENS["iban"].replace(" ", "")
    assert int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 == 1


def test_the_address_belongs_to_documentation() -> None:
    assert ip_address(SPECIMENS["ip"]).is_private


def test_the_sentence_quotes_all_of_them() -> None:
    sentence = quote_specimens()
    for specimen in SPECIMENS.values():
        assert specimen in sentence
