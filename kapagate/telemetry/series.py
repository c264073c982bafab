"""Series that count in plain numbers, on the loop alone, and tell the Prometheus client when it asks.

The client's own series take a lock for every count, which on a gateway's loop costs more than all the counting.
Whoever renders may do so in another thread: it reads numbers that are a moment old, never broken ones.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Generic, Protocol, TypeVar, cast

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

OTHER = "other"
LONGEST_LABEL = 128

_written = cast(Callable[[float], str], floatToGoString)


class Series(Protocol):
    """What a family is made of. `sample`: what its metric family's `add_metric` wants besides the labels."""

    @property
    def sample(self) -> tuple[Any, ...]: ...


S = TypeVar("S", bound=Series)


class Number:
    """One series of a counter or gauge."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, amount: float = 1) -> None:
        self.value += amount

    def dec(self, amount: float = 1) -> None:
        self.value -= amount

    @property
    def sample(self) -> tuple[float]:
        return (self.value,)


class Spread:
    """One series of a histogram: how many values fell into each bucket and above them all, and their sum."""

    __slots__ = ("_bounds", "_counts", "_names", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._names = [_written(bound) for bound in (*bounds, float("inf"))]
        self._counts = [0] * len(self._names)
        self._sum = 0.0

    def observe(self, amount: float) -> None:
        self._counts[bisect_left(self._bounds, amount)] += 1
        self._sum += amount

    @property
    def sample(self) -> tuple[list[tuple[str, float]], float]:
        return list(zip(self._names, accumulate(self._counts), strict=True)), self._sum


Kind = type[CounterMetricFamily] | type[GaugeMetricFamily] | type[HistogramMetricFamily]


class Family(Generic[S]):
    """One metric family, as the client's registry collects it. `labels` keeps what it returned: call it often.

    A family without labels has its one series from the start. One that has `cap` series counts what is new under
    `other`.
    """

    __slots__ = (
        "_cap",
        "_children",
        "_documentation",
        "_kind",
        "_make",
        "_name",
        "_names",
        "_other",
        "_shown",
        "_unseen",
    )

    def __init__(
        self, kind: Kind, name: str, documentation: str, names: Sequence[str], make: Callable[[], S], cap: int
    ) -> None:
        self._kind = kind
        self._name = name
        self._documentation = documentation
        self._names = tuple(names)
        self._make = make
        self._cap = cap
        self._children: dict[tuple[str, ...], S] = {}
        self._shown: tuple[int, Container[str]] | None = None
        self._unseen = False
        self._other = (OTHER,) * len(self._names)
        if not names:
            self.labels()

    def labels(self, *values: str) -> S:
        """The series with these values in the order of the names. Raises ValueError when their number differs."""
        child = self._children.get(values)
        return child if child is not None else self._new(values)

    def show(self, name: str, values: Container[str]) -> None:
        """From now on tells only of series that have one of these values in a label, where the family has that. Others
        go on counting, unseen, and are the first to give way.
        """
        if name in self._names:
            self._shown = self._names.index(name), values
            self._unseen = True

    def describe(self) -> Iterator[Metric]:
        """The family without its series: what the registry compares names by."""
        yield self._empty()

    def collect(self) -> Iterator[Metric]:
        metric = self._empty()
        for values, child in list(self._children.items()):
            if self._shows(values):
                metric.add_metric(values, *child.sample)
        yield metric

    def alias(self, name: str) -> Family[S]:
        """The same series under another name."""
        twin = Family(self._kind, name, f"The same as {self._name}.", self._names, self._make, self._cap)
        twin._children = self._children
        return twin

    def _empty(self) -> Any:
        return self._kind(self._name, self._documentation, labels=self._names)

    def _new(self, values: tuple[str, ...]) -> S:
        if len(values) != len(self._names):
            raise ValueError(f"expected labels {self._names}, got {len(values)}")
        told = tuple(map(_label, values))
        if len(self._children) >= self._cap and told not in self._children:
            if self._unseen:
                self._forget_unseen()
            told = told if len(self._children) < self._cap else self._other
        if told != values:
            return self.labels(*told)
        child = self._children[values] = self._make()
        self._unseen = self._unseen or not self._shows(values)
        return child

    def _shows(self, values: tuple[str, ...]) -> bool:
        return self._shown is None or values == self._other or values[self._shown[0]] in self._shown[1]

    def _forget_unseen(self) -> None:
        self._unseen = False
        for values in [each for each in self._children if not self._shows(each)]:
            del self._children[values]


class Watched:
    """A gauge whose series are looked up whenever the registry collects it: values by the labels' values."""

    __slots__ = ("_documentation", "_look", "_name", "_names")

    def __init__(
        self, name: str, documentation: str, names: Sequence[str], look: Callable[[], Mapping[tuple[str, ...], float]]
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._names = tuple(names)
        self._look = look

    def describe(self) -> Iterator[Metric]:
        yield self._empty()

    def collect(self) -> Iterator[Metric]:
        metric = self._empty()
        for values, value in self._look().items():
            metric.add_metric([_label(each) for each in values], value)
        yield metric

    def _empty(self) -> Any:
        return GaugeMetricFamily(self._name, self._documentation, labels=self._names)


def _label(value: str) -> str:
    return value[:LONGEST_LABEL].encode("utf-8", "replace").decode()
