"""The port to metrics: families are declared when a step is compiled, series are looked up once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Count(Protocol):
    """One series of a counter or gauge."""

    def inc(self, amount: float = 1) -> None: ...
    def dec(self, amount: float = 1) -> None:
        """Gauges only."""


class Observe(Protocol):
    """One series of a histogram; values in the family's unit."""

    def observe(self, amount: float) -> None: ...


class CountFamily(Protocol):
    def labels(self, *values: str) -> Count: ...


class ObserveFamily(Protocol):
    def labels(self, *values: str) -> Observe: ...


class Meter(Protocol):
    """Declares metric families. Declaring the same name again gives the same family, so reloads keep their counts."""

    def counter(self, name: str, documentation: str, labels: Sequence[str] = ()) -> CountFamily: ...
    def gauge(self, name: str, documentation: str, labels: Sequence[str] = ()) -> CountFamily: ...
    def histogram(
        self, name: str, documentation: str, labels: Sequence[str] = (), buckets: Sequence[float] = ()
    ) -> ObserveFamily: ...
    def alias(self, name: str, of: str) -> None:
        """Another name for a declared family: the same series, shown twice and counted once."""
