"""Numbers with units as the policy writes them: `30s`, `4KiB`. In code durations are seconds, sizes are bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_NUMBER_WITH_UNIT = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([A-Za-z]+)", re.ASCII)


def duration(value: Any) -> float:
    """Seconds of `250ms`, `30s`, `5m`, `1h`, `7d`. Raises ValueError."""
    return _scaled(value, _SECONDS, "a duration such as 250ms, 30s, 5m, 1h or 7d")


def size(value: Any) -> int:
    """Bytes of `512B`, `4KiB`, `1MiB`, `2GiB`. Raises ValueError."""
    scaled = _scaled(value, _BYTES, "a size such as 512B, 4KiB, 1MiB or 2GiB")
    if scaled != int(scaled):
        raise ValueError("a size is a whole number of bytes")
    return int(scaled)


def _scaled(value: Any, units: Mapping[str, float], expected: str) -> float:
    if not isinstance(value, str):
        raise ValueError(f"expected {expected}")
    found = _NUMBER_WITH_UNIT.fullmatch(value.strip())
    if found is None or found[2] not in units:
        raise ValueError(f"expected {expected}, got {value!r}")
    return float(found[1]) * units[found[2]]


Duration = Annotated[
    float, BeforeValidator(duration), WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|m|h|d)$"})
]
Size = Annotated[
    int, BeforeValidator(size), WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?(B|KiB|MiB|GiB)$"})
]
