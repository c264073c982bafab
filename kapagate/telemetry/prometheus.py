"""Metrics in a registry of their own, rendered in Prometheus' text format.

Series are bounded: a family that has reached its cap counts everything new under `other`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, cast

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics import MetricWrapperBase

from kapagate.chain.meter import Count, CountFamily, Observe, ObserveFamily

OTHER = "other"
LONGEST_LABEL = 128
DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

S = TypeVar("S")


class Family(Generic[S]):
    """One metric family. `labels` keeps what it returned, so that it may be called often."""

    __slots__ = ("_cap", "_children", "_names", "_other", "metric")

    def __init__(self, metric: MetricWrapperBase, names: tuple[str, ...], cap: int) -> None:
        self.metric = metric
        self._names = names
        self._cap = cap
        self._children: dict[tuple[str, ...], S] = {}
        self._other = (OTHER,) * len(names)

    def labels(self, *values: str) -> S:
        """The series with these values in the order of the names. Raises ValueError when their number differs."""
        child = self._children.get(values)
        return child if child is not None else self._new(values)

    def _new(self, values: tuple[str, ...]) -> S:
        if len(values) != len(self._names):
            raise ValueError(f"expected labels {self._names}, got {len(values)}")
        if len(self._children) >= self._cap and values != self._other:
            return self.labels(*self._other)
        child = cast(S, self.metric.labels(*map(_label, values)) if values else self.metric)
        self._children[values] = child
        return child


class PrometheusMeter:
    """A `Meter` with its own registry; `cap` bounds the series of each family."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, cap: int = 2000) -> None:
        cast(Callable[[], None], disable_created_metrics)()
        self.registry = CollectorRegistry()
        self._cap = cap
        self._families: dict[str, tuple[object, Family[Any]]] = {}
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def counter(self, name: str, documentation: str, labels: Sequence[str] = ()) -> CountFamily:
        family: Family[Count] = self._family(Counter, name, documentation, labels)
        return family

    def gauge(self, name: str, documentation: str, labels: Sequence[str] = ()) -> CountFamily:
        family: Family[Count] = self._family(Gauge, name, documentation, labels)
        return family

    def histogram(
        self, name: str, documentation: str, labels: Sequence[str] = (), buckets: Sequence[float] = ()
    ) -> ObserveFamily:
        family: Family[Observe] = self._family(
            Histogram, name, documentation, labels, buckets=tuple(buckets) or DEFAULT_BUCKETS
        )
        return family

    def watch(self, name: str, documentation: str, look: Callable[[], float]) -> None:
        """A gauge that is looked up whenever metrics are rendered, perhaps in another thread."""
        gauge: Family[Count] = self._family(Gauge, name, documentation, ())
        cast(Gauge, gauge.metric).set_function(look)

    def render(self) -> bytes:
        """Every family in the text format named by `content_type`."""
        return generate_latest(self.registry)

    def _family(
        self, kind: type[MetricWrapperBase], name: str, documentation: str, labels: Sequence[str], **more: Any
    ) -> Family[Any]:
        shape = (kind, tuple(labels), more)
        if name not in self._families:
            metric = kind(name, documentation, tuple(labels), registry=self.registry, **more)
            self._families[name] = shape, Family(metric, tuple(labels), self._cap)
        declared, family = self._families[name]
        if declared != shape:
            raise ValueError(f"{name} was declared with another type, other labels or other buckets")
        return family


def _label(value: str) -> str:
    return value[:LONGEST_LABEL].encode("utf-8", "replace").decode()
