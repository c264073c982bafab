from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from kapagate.traffic.rate import Rate, Rates, rate, rates


@pytest.mark.parametrize(
    ("text", "count", "period"),
    [
        ("5/s", 5, 1),
        ("60/min", 60, 60),
        ("600 / min", 600, 60),
        ("100/h", 100, 3600),
        ("1000/day", 1000, 86_400),
        ("20000/month", 20_000, 30 * 86_400),
    ],
)
def test_reads_a_count_and_a_unit(text: str, count: int, period: float) -> None:
    assert rate(text) == Rate(count, period)
    assert rate(str(rate(text))) == rate(text)


@pytest.mark.parametrize(
    "text", ["", "60", "60/m", "60/MIN", "/min", "-1/min", "1.5/min", "60/min/s", "60 min", 60, None, "٣/s"]
)
def test_what_is_no_rate_is_refused_with_an_example(text: Any) -> None:
    with pytest.raises(ValueError, match="60/min"):
        rate(text)


@pytest.mark.parametrize("text", ["0/min", "999999999/s"])
def test_rates_have_bounds(text: str) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        rate(text)


def test_the_interval_is_the_time_between_two_requests() -> None:
    assert Rate(60, 60.0).interval == 1.0
    assert str(Rate(3, 7.0)) == "3/7 s"


def test_a_policy_field_reads_one_text_or_several() -> None:
    field = TypeAdapter(Rates)
    assert field.validate_python("60/min") == (Rate(60, 60.0),)
    assert field.validate_python(["60/min", "1000/day"]) == (Rate(60, 60.0), Rate(1000, 86_400.0))
    assert field.dump_python(rates(["60/min", "1000/day"])) == ["60/min", "1000/day"]
    assert [each["type"] for each in field.json_schema()["anyOf"]] == ["string", "array"]
    for wrong in ("often", [], ["60/min", "often"]):
        with pytest.raises(ValidationError, match="expected a rate"):
            field.validate_python(wrong)


def test_a_window_has_one_limit() -> None:
    with pytest.raises(ValueError, match="60/min and 30/min are limits of the same window"):
        rates(["60/min", "5/s", "30/min"])
