from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.detector import Detector
from kapagate.guards.name import NAME

Found = Callable[[Detector, str], list[str]]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("my name is Jane Doe.", "Jane Doe"),
        ("Herr Müller wohnt", "Müller"),
        ("Dear Mr. J. Smith, hi", "J. Smith"),
        ("Ich heiße Anna von der Leyen und", "Anna von der Leyen"),
        ("je m'appelle Zoé Dupont", "Zoé Dupont"),
        ("me llamo José", "José"),
        ("Dr. O'Neill-Jones", "O'Neill-Jones"),
    ],
)
def test_finds_it_alone(found: Found, text: str, finding: str) -> None:
    assert found(NAME, text) == [finding]


@pytest.mark.parametrize(
    "text",
    [
        "my name is unknown",
        "Jane Doe lives here",
        "Dr. The",
        "the Mr. of",
        "Herrlich Sache",
    ],
)
def test_leaves_what_only_looks_alike(found: Found, text: str) -> None:
    assert found(NAME, text) == []
