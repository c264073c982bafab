from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from kapagate.telemetry.series import OTHER, Family, Number, Spread, Watched

BOUNDS = (0.1, 1.0, 10.0)


def counters(cap: int = 100) -> Family[Number]:
    return Family(CounterMetricFamily, "asked_total", "Asked.", ["tenant"], Number, cap)


def samples(family: Family[Number]) -> dict[str, float]:
    (metric,) = family.collect()
    return {sample.labels["tenant"]: sample.value for sample in metric.samples}


def test_a_number_goes_up_and_down() -> None:
    number = Number()
    number.inc()
    number.inc(2.5)
    number.dec()
    assert number.sample == (2.5,)


def test_a_watched_gauge_has_the_series_of_its_last_look() -> None:
    open_doors = {("front",): 1.0}
    watched = Watched("doors", "Doors.", ["side"], lambda: open_doors)
    open_doors |= {("back",): 2.0, ("x" * 999,): 3.0}
    (metric,) = watched.collect()
    assert {sample.labels["side"]: sample.value for sample in metric.samples} == {"front": 1, "back": 2, "x" * 128: 3}
    (empty,) = watched.describe()
    assert (empty.name, empty.samples) == ("doors", [])


def test_an_alias_shows_the_same_series() -> None:
    family = counters()
    twin = family.alias("called_total")
    family.labels("acme").inc()
    twin.labels("globex").inc()
    assert samples(twin) == samples(family) == {"acme": 1, "globex": 1}
    (metric,) = twin.collect()
    assert (metric.name, metric.documentation) == ("called", "The same as asked_total.")


@given(st.lists(st.floats(0, 20) | st.sampled_from(BOUNDS)))
def test_a_spread_tells_what_the_clients_own_histogram_tells(values: list[float]) -> None:
    registry = CollectorRegistry()
    theirs = Histogram("took", "Took.", buckets=BOUNDS, registry=registry)
    ours = Family(HistogramMetricFamily, "took", "Took.", (), lambda: Spread(BOUNDS), 1)
    for value in values:
        theirs.observe(value)
        ours.labels().observe(value)
    told = [(each.name, each.labels, each.value) for metric in registry.collect() for each in metric.samples]
    assert [(each.name, each.labels, each.value) for metric in ours.collect() for each in metric.samples] == [
        each for each in told if not each[0].endswith("_created")
    ]


@given(st.lists(st.floats(0, 20)))
def test_every_bucket_holds_those_below_it(values: list[float]) -> None:
    spread = Spread(BOUNDS)
    for value in values:
        spread.observe(value)
    counts = [count for _, count in spread.sample[0]]
    assert all(lower <= upper for lower, upper in pairwise(counts))
    assert counts[-1] == len(values)


def test_a_family_without_labels_is_there_before_it_is_counted() -> None:
    (metric,) = Family(GaugeMetricFamily, "open", "Open.", (), Number, 1).collect()
    assert [(each.name, each.labels, each.value) for each in metric.samples] == [("open", {}, 0.0)]


def test_a_full_family_counts_what_is_new_under_other_and_goes_on_with_what_it_has() -> None:
    family = counters(cap=2)
    for name in ("a", "b", "c", "d", "a"):
        family.labels(name).inc()
    assert samples(family) == {"a": 2.0, "b": 1.0, OTHER: 2.0}


def test_names_that_are_told_alike_are_one_series() -> None:
    family = counters()
    family.labels("x" * 200).inc()
    family.labels("x" * 300).inc()
    assert samples(family) == {"x" * 128: 2.0}


def test_the_wrong_number_of_labels_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected labels"):
        counters().labels("a", "b")


def test_two_families_that_would_be_told_under_one_name_are_an_error() -> None:
    registry = CollectorRegistry()
    registry.register(counters())
    with pytest.raises(ValueError, match="asked_total"):
        registry.register(Family(CounterMetricFamily, "asked", "Asked.", (), Number, 1))


def test_series_that_are_not_shown_go_on_counting() -> None:
    family = counters()
    for tenant in ("acme", "globex", OTHER):
        family.labels(tenant).inc()
    family.show("tenant", {"acme"})
    family.labels("globex").inc()
    assert samples(family) == {"acme": 1, OTHER: 1}
    family.show("tenant", {"acme", "globex"})
    assert samples(family) == {"acme": 1, "globex": 2, OTHER: 1}


def test_series_that_are_not_shown_give_way() -> None:
    family = counters(cap=3)
    for tenant in ("acme", "globex", "initech", "hooli"):
        family.labels(tenant).inc()
    assert samples(family) == {"acme": 1, "globex": 1, "initech": 1, OTHER: 1}
    family.show("tenant", {"acme", "hooli"})
    family.labels("hooli").inc()
    assert samples(family) == {"acme": 1, OTHER: 1, "hooli": 1}


def test_what_finds_no_place_is_not_looked_for_among_all_others_each_time() -> None:
    family, asked = counters(cap=3), AskedAbout()
    for tenant in ("acme", "globex", "initech"):
        family.labels(tenant).inc()
    family.show("tenant", asked)
    family.labels("hooli").inc()
    looked = asked.times
    for number in range(100):
        family.labels(f"other-{number}").inc()
    assert looked >= 3
    assert asked.times == looked


class AskedAbout:
    """Holds everything, and counts how often it was asked."""

    times = 0

    def __contains__(self, value: object) -> bool:
        self.times += 1
        return True


def test_a_family_without_the_label_shows_everything() -> None:
    family = counters()
    family.labels("acme").inc()
    family.show("step", ())
    assert samples(family) == {"acme": 1}
