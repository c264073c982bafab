"""YAML 1.2 core scalars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.policy.scalars import meaning


@pytest.mark.parametrize(
    "text",
    ["yes", "no", "on", "off", "y", "N", "0777", "1:30:00", "2024-01-01", "1_000", ".inf", ".nan", "1e999", "0b1", "+",
     "-", ".", "1.2.3", "9" * 19, "9" * 10_000, "tRUE", "12e4x", "0x", "0o8", "--1", "1__0", "=", "<<"],
)  # fmt: skip
def test_what_not_everybody_reads_alike_is_text(text: str) -> None:
    assert meaning(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("", None), ("~", None), ("null", None), ("true", True), ("False", False), ("0", 0), ("-12", -12), ("+3", 3),
     ("0x1F", 31), ("0o17", 15), ("1.5", 1.5), ("-.5", -0.5), ("1e3", 1000.0), ("1.", 1.0), ("2E-2", 0.02)],
)  # fmt: skip
def test_plain_values_are_what_they_look_like(text: str, value: object) -> None:
    assert meaning(text) == value
    assert type(meaning(text)) is type(value)


@given(st.text(alphabet="+-.0123456789eExoabnulTrf~:_", max_size=12))
def test_no_text_breaks_it(text: str) -> None:
    value = meaning(text)
    assert value is None or isinstance(value, bool | int | float | str)
    assert not isinstance(value, float) or value == value
