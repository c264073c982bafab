"""YAML 1.2 core scalars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.policy.scalars import Doubtful, meaning


@pytest.mark.parametrize(
    "text",
    ["yes", "no", "on", "off", "y", "N", "0777", "1:30:00", "2024-01-01", "1_000", ".inf", ".nan", "1e999", "0b1", "+",
     "-", ".", "1.2.3", "9" * 19, "9" * 10_000, "tRUE", "12e4x", "0x", "0o8", "--1", "1__0", "=", "<<"],
)  # fmt: skip
def test_what_not_everybody_reads_alike_is_text(text: str) -> None:
    assert meaning(text) == text


@pytest.mark.parametrize(
    ("text", "what"),
    [("yes", "true"), ("on", "true"), ("No", "false"), ("OFF", "false"), ("0777", "a number"), ("1:30:00", "a number"),
     ("1_000", "a number"), (".inf", "a number"), ("-.Inf", "a number"), (".NaN", "a number"), ("0b1", "a number"),
     ("1e999", "a number"), ("9" * 19, "a number"), ("2024-01-01", "a date"), ("2024-1-1T10:00:00Z", "a date")],
)  # fmt: skip
def test_a_text_that_others_take_for_something_else_is_doubtful(text: str, what: str) -> None:
    value = meaning(text)
    assert isinstance(value, Doubtful)
    assert value.taken_for == what


@pytest.mark.parametrize(
    "text", ["y", "N", "nothing", "online", "1.2.3", "30s", "60/min", "127.0.0.1:8080", "-", "12e4x", "10.0.0.0/8"]
)
def test_a_text_that_everybody_reads_alike_needs_no_quotes(text: str) -> None:
    assert type(meaning(text)) is str


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
