"""The slope of a straight line through samples, and how far it may be from the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean

_CONFIDENCE = 1.96


@dataclass(frozen=True, slots=True)
class Slope:
    """Per unit of the first coordinate; the interval holds the truth in 95 of 100 runs, were the noise independent."""

    value: float
    margin: float

    @property
    def is_noise(self) -> bool:
        """Whether no slope at all lies within the interval."""
        return abs(self.value) <= self.margin


def slope_of(samples: Sequence[tuple[float, float]]) -> Slope:
    """By least squares. Raises ValueError below three samples."""
    if len(samples) < 3:
        raise ValueError("a slope with an interval needs three samples")
    middle_x, middle_y = fmean(x for x, _ in samples), fmean(y for _, y in samples)
    spread = sum((x - middle_x) ** 2 for x, _ in samples)
    value = sum((x - middle_x) * (y - middle_y) for x, y in samples) / spread
    rest = sum((y - middle_y - value * (x - middle_x)) ** 2 for x, y in samples)
    return Slope(value, _CONFIDENCE * sqrt(rest / (len(samples) - 2) / spread))
