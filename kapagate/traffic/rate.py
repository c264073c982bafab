"""Rates as the policy writes them: `60/min`, `20000/month`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_PERIODS = {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86_400.0, "month": 2_592_000.0}
_RATE = re.compile(r"(\d{1,9})\s*/\s*([A-Za-z]+)", re.ASCII)
_EXPECTED = "expected a rate such as 5/s, 60/min, 100/h, 1000/day or 20000/month"
_MOST_PER_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` requests in `period` seconds. A month is 30 days, counted from the request and not from the calendar."""

    count: int
    period: float

    @property
    def interval(self) -> float:
        """Seconds between two requests at exactly this rate."""
        return self.period / self.count

    def __str__(self) -> str:
        unit = next((name for name, seconds in _PERIODS.items() if seconds == self.period), f"{self.period:g} s")
        return f"{self.count}/{unit}"


def rate(value: Any) -> Rate:
    """The rate that a text says. Raises ValueError."""
    if isinstance(value, Rate):
        return value
    found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or found[2] not in _PERIODS:
        raise ValueError(f"{_EXPECTED}, got {value!r}")
    count, period = int(found[1]), _PERIODS[found[2]]
    if not 1 <= count <= _MOST_PER_SECOND * period:
        raise ValueError(f"a rate is at least 1 and at most {_MOST_PER_SECOND} in a second, got {value!r}")
    return Rate(count, period)


RateText = Annotated[
    Rate,
    BeforeValidator(rate),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,9}\s*/\s*(s|min|h|day|month)$"}),
]
