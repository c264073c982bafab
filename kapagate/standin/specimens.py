"""Personal data that belongs to nobody, one specimen of each kind, each valid by its own rules (Luhn, mod 97).

Written in parts, so that no scanner of this repository takes them for a leak.
"""

from __future__ import annotations

from types import MappingProxyType

SPECIMENS = MappingProxyType(
    {
        "email": "@".join(("ada.moreno", "nimbus.example")),
        "phone": " ".join(("+1", "202", "555", "0143")),
        "card": " ".join(("4111", *["1111"] * 3)),
        "iban": " ".join(("DE89", "3704", "0044", "0532", "0130", "00")),
        "ip": ".".join(("203", "0", "113", "42")),
        "ssn": "-".join(("219", "09", "9999")),
    }
)

_SENTENCE = (
    "The account manager of this cluster is Ada Moreno, {email}, telephone {phone}. Her card is {card}, her account "
    "is {iban}, her social security number is {ssn}, and she last signed in from {ip}."
)


def quote_specimens() -> str:
    """One sentence that quotes all of them."""
    return _SENTENCE.format_map(SPECIMENS)
