from __future__ import annotations

import pytest

from kapagate.chain.meter import Meter
from kapagate.telemetry.prometheus import PrometheusMeter


def lines(meter: PrometheusMeter, name: str) -> list[str]:
    return [line for line in meter.render().decode().splitlines() if line.startswith(name)]


def test_a_meter_counts_gauges_and_observes() -> None:
    prometheus = PrometheusMeter()
    meter: Meter = prometheus
    meter.counter("asked_total", "Asked.", ["tenant"]).labels("acme").inc()
    meter.gauge("open", "Open.").labels().inc(2)
    meter.gauge("open", "Open.").labels().dec()
    meter.histogram("took_seconds", "Took.", ["operation"], [0.1, 1.0]).labels("chat").observe(0.5)
    assert lines(prometheus, "asked_total") == ['asked_total{tenant="acme"} 1.0']
    assert lines(prometheus, "open") == ["open 1.0"]
    assert lines(prometheus, "took_seconds_bucket") == [
        'took_seconds_bucket{le="0.1",operation="chat"} 0.0',
        'took_seconds_bucket{le="1.0",operation="chat"} 1.0',
        'took_seconds_bucket{le="+Inf",operation="chat"} 1.0',
    ]


def test_the_same_family_twice_is_the_same_so_that_reloads_keep_their_counts() -> None:
    meter = PrometheusMeter()
    meter.counter("asked_total", "Asked.", ["tenant"]).labels("acme").inc()
    again = meter.counter("asked_total", "Asked.", ["tenant"])
    again.labels("acme").inc()
    assert again is meter.counter("asked_total", "Asked.", ["tenant"])
    assert lines(meter, "asked_total") == ['asked_total{tenant="acme"} 2.0']


def test_one_name_with_two_meanings_is_an_error() -> None:
    meter = PrometheusMeter()
    meter.counter("asked_total", "Asked.", ["tenant"])
    with pytest.raises(ValueError, match="asked_total"):
        meter.counter("asked_total", "Asked.", ["subject"])
    with pytest.raises(ValueError, match="asked_total"):
        meter.gauge("asked_total", "Asked.", ["tenant"])


def test_series_are_kept_and_not_made_anew() -> None:
    family = PrometheusMeter().counter("asked_total", "Asked.", ["tenant"])
    assert family.labels("acme") is family.labels("acme")


def test_a_family_at_its_cap_counts_what_is_new_under_other() -> None:
    meter = PrometheusMeter(cap=2)
    family = meter.counter("asked_total", "Asked.", ["tenant", "status"])
    for number in range(100):
        family.labels(f"t{number}", "200").inc()
    assert lines(meter, "asked_total") == [
        'asked_total{status="200",tenant="t0"} 1.0',
        'asked_total{status="200",tenant="t1"} 1.0',
        'asked_total{status="other",tenant="other"} 98.0',
    ]


def test_the_wrong_number_of_labels_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected labels"):
        PrometheusMeter().counter("asked_total", "Asked.", ["tenant"]).labels()


@pytest.mark.parametrize("value", ["x" * 5000, "\udcff", 'a"\n\\b'])
def test_hostile_label_values_are_bounded_and_stay_in_their_line(value: str) -> None:
    meter = PrometheusMeter()
    meter.counter("asked_total", "Asked.", ["tenant"]).labels(value).inc()
    (line,) = lines(meter, "asked_total")
    assert len(line) < 200
    assert line.endswith("} 1.0")


def test_a_watched_gauge_is_looked_up_when_it_is_asked_for() -> None:
    meter, open_doors = PrometheusMeter(), [1]
    meter.watch("doors", "Doors.", lambda: len(open_doors))
    open_doors.append(2)
    assert lines(meter, "doors") == ["doors 2.0"]


def test_watched_series_come_and_go() -> None:
    meter, queues = PrometheusMeter(), {("crm",): 2.0}
    meter.watch_all("queued", "Queued.", ["upstream"], lambda: queues)
    assert lines(meter, "queued") == ['queued{upstream="crm"} 2.0']
    queues.clear()
    assert lines(meter, "queued") == []


def test_an_alias_is_shown_beside_what_it_stands_for() -> None:
    meter = PrometheusMeter()
    asked = meter.counter("asked_total", "Asked.", ["tenant"])
    for _ in range(2):
        meter.alias("called_total", "asked_total")
    asked.labels("acme").inc()
    assert lines(meter, "called_total") == ['called_total{tenant="acme"} 1.0']
    assert "# HELP called_total The same as asked_total.\n# TYPE called_total counter" in meter.render().decode()


def test_two_meters_share_nothing() -> None:
    first, second = PrometheusMeter(), PrometheusMeter()
    first.counter("asked_total", "Asked.").labels().inc()
    assert lines(second, "asked_total") == []


def test_the_process_is_measured_too() -> None:
    meter = PrometheusMeter()
    assert lines(meter, "process_resident_memory_bytes")
    assert lines(meter, "python_info")
    assert "text/plain" in meter.content_type


def test_no_series_for_the_birth_of_counters() -> None:
    meter = PrometheusMeter()
    meter.counter("asked_total", "Asked.").labels().inc()
    assert lines(meter, "asked_created") == []


def test_its_own_series_can_be_read_one_by_one() -> None:
    meter = PrometheusMeter()
    meter.counter("asked_total", "Asked.", ["tenant"]).labels("acme").inc()
    meter.histogram("took_seconds", "Took.", ["operation"], [1.0]).labels("chat").observe(0.5)
    found = meter.samples(["asked_total", "took_seconds_count"])
    assert [(each.name, each.labels, each.value) for each in found] == [
        ("asked_total", {"tenant": "acme"}, 1.0),
        ("took_seconds_count", {"operation": "chat"}, 1.0),
    ]
