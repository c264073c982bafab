from __future__ import annotations

import inspect
from collections.abc import Sequence

import pytest

from kapagate.chain.meter import Count, CountFamily, Meter, Observe, ObserveFamily


class Series:
    """A series that can be counted and observed."""

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, amount: float = 1) -> None:
        self.value += amount

    def dec(self, amount: float = 1) -> None:
        self.value -= amount

    def observe(self, amount: float) -> None:
        self.value += amount


class Family:
    def __init__(self) -> None:
        self.series: dict[tuple[str, ...], Series] = {}

    def labels(self, *values: str) -> Series:
        return self.series.setdefault(values, Series())


class Memory:
    """The port in ten lines: families by name, series by their labels."""

    def __init__(self) -> None:
        self.families: dict[str, Family] = {}

    def counter(self, name: str, documentation: str, labels: Sequence[str] = ()) -> Family:
        return self.families.setdefault(name, Family())

    gauge = counter

    def histogram(
        self, name: str, documentation: str, labels: Sequence[str] = (), buckets: Sequence[float] = ()
    ) -> Family:
        return self.families.setdefault(name, Family())

    def alias(self, name: str, of: str) -> None:
        self.families[name] = self.families[of]


@pytest.mark.parametrize(
    ("port", "kept", "methods"),
    [
        (Count, Series, ["inc", "dec"]),
        (Observe, Series, ["observe"]),
        (CountFamily, Family, ["labels"]),
        (ObserveFamily, Family, ["labels"]),
        (Meter, Memory, ["counter", "gauge", "histogram", "alias"]),
    ],
)
def test_the_port_can_be_kept_in_memory(port: type, kept: type, methods: list[str]) -> None:
    for method in methods:
        expected, given = (inspect.signature(getattr(each, method)).parameters for each in (port, kept))
        assert [(p.name, p.kind, p.default) for p in given.values()] == [
            (p.name, p.kind, p.default) for p in expected.values()
        ]


def test_declaring_again_keeps_the_counts() -> None:
    meter: Meter = Memory()
    meter.counter("requests_total", "Requests.", ("status",)).labels("200").inc()
    again = meter.counter("requests_total", "Requests.", ("status",)).labels("200")
    again.inc(2)
    assert isinstance(again, Series)
    assert again.value == 3
