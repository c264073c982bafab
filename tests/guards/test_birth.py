from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.birth import BIRTH
from kapagate.guards.detector import Detector

Found = Callable[[Detector, str], list[str]]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("born on 12 March 1985", "12 March 1985"),
        ("geboren am 12.03.1985.", "12.03.1985"),
        ("DOB: 03/12/85", "03/12/85"),
        ("né le 12 mars 1985", "12 mars 1985"),
        ("Date of birth: March 12th, 1985", "March 12th, 1985"),
        ("fecha de nacimiento: 12 de marzo de 1985", "12 de marzo de 1985"),
        ("nata il 1985-03-12", "1985-03-12"),
        ("geboortedatum 12-03-1985", "12-03-1985"),
        ("nascido em 12/03/1985", "12/03/1985"),
        ("data urodzenia: 12.03.1985", "12.03.1985"),
    ],
)
def test_finds_it_alone(found: Found, text: str, finding: str) -> None:
    assert found(BIRTH, text) == [finding]


@pytest.mark.parametrize(
    "text",
    [
        "released on 12 March 1985",
        "born in 1985",
        "Date: 1985-03-12",
        "the date of birth is required before 2024",
        "newborn 12 weeks",
    ],
)
def test_leaves_what_only_looks_alike(found: Found, text: str) -> None:
    assert found(BIRTH, text) == []
