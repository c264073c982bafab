"""The slope of a straight line through samples, and how far it may be from the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean

_CONFIDENCE = 2.1
"""Of Student's t with some ten samples: within this many deviations lie 95 of 100."""


@dataclass(frozen=True, slots=True)
class Slope:
    """Per unit of the first coordinate; the interval holds the truth in about 95 of 100 runs, were the noise
    independent: see `thinned`. `grain`: what a single step of what was measured looks like.
    """

    value: float
    margin: float
    grain: float = 0.0

    @property
    def is_noise(self) -> bool:
        """Whether no slope at all lies within the interval, or there is less of it than one step makes."""
        return abs(self.value) <= max(self.margin, self.grain)


def slope_of(samples: Sequence[tuple[float, float]], step: float = 0.0) -> Slope:
    """By least squares. `step`: the least by which what was measured changes. Raises ValueError below three samples."""
    if len(samples) < 3:
        raise ValueError("a slope with an interval needs three samples")
    middle_x, middle_y = fmean(x for x, _ in samples), fmean(y for _, y in samples)
    spread = sum((x - middle_x) ** 2 for x, _ in samples)
    value = sum((x - middle_x) * (y - middle_y) for x, y in samples) / spread
    rest = sum((y - middle_y - value * (x - middle_x)) ** 2 for x, y in samples)
    return Slope(value, _CONFIDENCE * sqrt(rest / (len(samples) - 2) / spread), step / (samples[-1][0] - samples[0][0]))


def thinned(samples: Sequence[tuple[float, float]], blocks: int = 16) -> list[tuple[float, float]]:
    """The means of so many stretches: neighbouring samples of memory say the same, and would make the interval too
    narrow. As they are where there are few.
    """
    if len(samples) < 3 * blocks:
        return list(samples)
    ends = [len(samples) * block // blocks for block in range(blocks + 1)]
    stretches = [samples[begin:end] for begin, end in pairwise(ends)]
    return [(fmean(x for x, _ in each), fmean(y for _, y in each)) for each in stretches]
