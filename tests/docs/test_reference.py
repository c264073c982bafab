from __future__ import annotations

from pathlib import Path

from docs.reference import written

REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"


def test_the_reference_is_what_the_models_say() -> None:
    assert REFERENCE.read_text() == written(), "run `make reference`"


def test_the_reference_shows_no_value_of_the_environment() -> None:
    assert "127.0.0.1:1`" not in REFERENCE.read_text()
