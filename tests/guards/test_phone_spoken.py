from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.detector import Detector
from kapagate.guards.phone_spoken import PHONE_SPOKEN

Found = Callable[[Detector, str], list[str]]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("my phone number is 4155552671 thanks", "4155552671"),
        ("4155552671 is my phone number", "4155552671"),
        ("4155552671 (mobile)", "4155552671"),
        ("Tel.-Nr. 02211234567", "02211234567"),
        ("dzwonić pod 585384868", "585384868"),
        ("il mio numero di telefono è 3423913993", "3423913993"),
        ("chiami al 051.807047", "051.807047"),
        ("Call me at 5552671.", "5552671"),
        ("Rufen Sie 01712345678 an", "01712345678"),
        ("Mobil: 01712345678", "01712345678"),
        ("Appelez le 0612345678", "0612345678"),
        ("móvil 612345678", "612345678"),
        ("cellulare: 3471234567", "3471234567"),
        ("telefoon 0612345678", "0612345678"),
        ("telefone 11912345678", "11912345678"),
        ("telefon: 512345678 ", "512345678"),
        ("phone 4155552671 ext. 12", "4155552671 ext. 12"),
    ],
)
def test_finds_it_alone(found: Found, text: str, finding: str) -> None:
    assert found(PHONE_SPOKEN, text) == [finding]


@pytest.mark.parametrize(
    "text",
    [
        "The call id 12345678 failed",
        "the number 1234567 is prime",
        "text 1234567890 rows",
        "12345678 mobile users",
        "API call 1700000000",
        "version number 12345678",
        "order number 4155552671",
        "call on 2024-01-15",
        "phone: string",
        "call 1 of 1234567",
        "number 3.14159265",
        "phone 555",
    ],
)
def test_leaves_what_only_looks_alike(found: Found, text: str) -> None:
    assert found(PHONE_SPOKEN, text) == []


def test_the_number_of_a_social_security_card_is_none_of_a_telephone() -> None:
    data = b"her social security number is " + b"-".join((b"219", b"09", b"9999"))
    assert list(PHONE_SPOKEN.find(data, 0, len(data))) == []


@pytest.mark.parametrize(
    "text",
    [
        "Phone:\n{}\n",
        "Emergency contact: {}",
        "They're not answering at {}",
        "Reach our support team at {} for help",
        "You can reach our customer service team at {}",
        "Toll-free: {}. Always.",
        "phone={}",
        "user_phone: {}",
        "Desk: {}",
        "{}-Office, more",
        "{} fax\nnext",
    ],
)
def test_finds_it_in_forms_and_beside_labels(found: Found, text: str) -> None:
    for number in ("5403926876", "28-64-66-98", "358 0594"):
        assert found(PHONE_SPOKEN, text.format(number)) == [number]


@pytest.mark.parametrize(
    "text", ["1500000 mobile users", "2 000 000 mobile.", "id=5403926876", "12345678 home pages", "Contact: 2024-01-15"]
)
def test_leaves_counts_and_identifiers_beside_such_words(found: Found, text: str) -> None:
    assert found(PHONE_SPOKEN, text) == []
