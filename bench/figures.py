"""From rounds to figures: what one subject did in one round, and the middle and the ends of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Round:
    """One subject in one round. Shares are of one core: the subject's own, and that of generator and upstream."""

    answers: int
    seconds: float
    cpu_seconds: float
    other_cpu_seconds: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds

    @property
    def cost(self) -> float:
        """CPU microseconds per answer."""
        return self.cpu_seconds / self.answers * 1e6

    @property
    def is_limited_by_others(self) -> bool:
        """The other core was full, and this one was not: the rate says more about the bench than about the subject."""
        busy, other = self.cpu_seconds / self.seconds, self.other_cpu_seconds / self.seconds
        return other > 0.93 and other > busy


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some figures, and their ends."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(median(values), min(values), max(values))

    @property
    def width(self) -> float:
        """The distance between the ends, as a share of the middle."""
        return (self.most - self.least) / self.middle if self.middle else 0.0
