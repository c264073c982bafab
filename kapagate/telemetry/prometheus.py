"""Metrics in a registry of their own, rendered in Prometheus' text format.

Series are bounded: a family that has reached its cap counts everything new under `other`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.samples import Sample

from kapagate.chain.meter import CountFamily, ObserveFamily
from kapagate.telemetry.series import Family, Kind, Number, Spread, Watched

DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

Shape = tuple[Kind, tuple[str, ...], tuple[float, ...]]


class PrometheusMeter:
    """A `Meter` with its own registry; `cap` bounds the label sets of each family."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, cap: int = 10_000) -> None:
        self.registry = CollectorRegistry()
        self._cap = cap
        self._families: dict[str, tuple[Shape, Family[Any]]] = {}
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def counter(self, name: str, documentation: str, labels: Sequence[str] = ()) -> CountFamily:
        return self._numbers(CounterMetricFamily, name, documentation, labels)

    def gauge(self, name: str, documentation: str, labels: Sequence[str] = ()) -> CountFamily:
        return self._numbers(GaugeMetricFamily, name, documentation, labels)

    def histogram(
        self, name: str, documentation: str, labels: Sequence[str] = (), buckets: Sequence[float] = ()
    ) -> ObserveFamily:
        bounds = tuple(buckets) or DEFAULT_BUCKETS
        family: Family[Spread] = self._family(
            (HistogramMetricFamily, tuple(labels), bounds), name, documentation, partial(Spread, bounds)
        )
        return family

    def alias(self, name: str, of: str) -> None:
        shape, family = self._families[of]
        if name not in self._families:
            self._register(name, shape, family.alias(name))

    def watch(self, name: str, documentation: str, look: Callable[[], float]) -> None:
        """A gauge that is looked up whenever metrics are rendered, perhaps in another thread."""
        self.watch_all(name, documentation, (), lambda: {(): look()})

    def watch_all(
        self, name: str, documentation: str, labels: Sequence[str], look: Callable[[], Mapping[tuple[str, ...], float]]
    ) -> None:
        """The same for several series: `look` gives the values by the labels' values."""
        self._collect(Watched(name, documentation, labels, look))

    def show(self, name: str, values: Container[str]) -> None:
        """From now on tells only of series that have one of these values in the label `name`, or have no such label."""
        for _, family in self._families.values():
            family.show(name, values)

    def samples(self, names: Sequence[str]) -> Iterator[Sample]:
        """The series with these names, of the families that were declared here, as they are now."""
        for declared, (_, family) in self._families.items():
            if any(name.startswith(declared) for name in names):
                for metric in family.collect():
                    yield from (sample for sample in metric.samples if sample.name in names)

    def render(self) -> bytes:
        """Every family in the text format named by `content_type`."""
        return generate_latest(self.registry)

    def _numbers(self, kind: Kind, name: str, documentation: str, labels: Sequence[str]) -> Family[Number]:
        return self._family((kind, tuple(labels), ()), name, documentation, Number)

    def _family(self, shape: Shape, name: str, documentation: str, make: Any) -> Family[Any]:
        if name not in self._families:
            self._register(name, shape, Family(shape[0], name, documentation, shape[1], make, self._cap))
        declared, known = self._families[name]
        if declared != shape:
            raise ValueError(f"{name} was declared with another type, other labels or other buckets")
        return known

    def _register(self, name: str, shape: Shape, family: Family[Any]) -> None:
        self._collect(family)
        self._families[name] = shape, family

    def _collect(self, collector: object) -> None:
        cast(Callable[[object], None], self.registry.register)(collector)
