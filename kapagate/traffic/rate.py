"""Rates as the policy writes them: `60/min`, `20000/month`."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Annotated, Any

from msgspec import Struct
from pydantic import BeforeValidator, InstanceOf, PlainSerializer, WithJsonSchema

_PERIODS = {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86_400.0, "month": 2_592_000.0}
_RATE = re.compile(r"(\d{1,9})\s*/\s*([A-Za-z]+)", re.ASCII)
_EXPECTED = "expected a rate such as 5/s, 60/min, 100/h, 1000/day or 20000/month"
_MOST_PER_SECOND = 1_000_000


class Rate(Struct, frozen=True):
    """`count` requests in `period` seconds. A month is 30 days, counted from the request and not from the calendar."""

    count: int
    period: float

    @property
    def interval(self) -> float:
        """Seconds between two requests at exactly this rate."""
        return self.period / self.count

    @property
    def unit(self) -> str:
        """`min`; `7 s` for a period that has no name."""
        return next((name for name, seconds in _PERIODS.items() if seconds == self.period), f"{self.period:g} s")

    def __str__(self) -> str:
        return f"{self.count}/{self.unit}"


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


def rates(value: Any) -> tuple[Rate, ...]:
    """The rates of a text, or of a list of texts with a unit of its own each. Raises ValueError."""
    found = tuple(map(rate, value if isinstance(value, list | tuple) else [value]))
    if not found:
        raise ValueError(f"{_EXPECTED}, or a list of them")
    for one, other in combinations(found, 2):
        if one.period == other.period:
            raise ValueError(f"{one} and {other} are limits of the same window; the smaller is enough")
    return found


_TEXT = {"type": "string", "pattern": r"^\d{1,9}\s*/\s*(s|min|h|day|month)$"}
Rates = Annotated[
    tuple[InstanceOf[Rate], ...],
    BeforeValidator(rates),
    PlainSerializer(lambda found: [str(each) for each in found]),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}),
]
