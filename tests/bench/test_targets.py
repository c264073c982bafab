from __future__ import annotations

from typing import Any

import pytest

from bench.results import Results
from bench.targets import TARGETS, Found, Target, judged

MORE = Target("more", 2.0, 3.0, "x", True, lambda results: None)
LESS = Target("less", 0.6, None, "s", False, lambda results: None)
HERE = {"processor": "p", "cores": 2, "python": "3.11", "revision": "abc"}


def contest(**costs: float) -> dict[str, Any]:
    """Two rounds of each, a thousand answers a second, at so many microseconds."""
    rounds = {name.replace("_", " "): [[1000, 1.0, cost / 1000, 0.1]] * 2 for name, cost in costs.items()}
    return {"entrants": {name: {"rounds": each} for name, each in rounds.items()}}


def found(**sections: Any) -> dict[str, tuple[float | None, str]]:
    """By target: the figure, and the verdict."""
    results = Results(HERE, {name.replace("_", "-"): each for name, each in sections.items()})
    return {target.name: (each.value if each else None, verdict) for target, each, verdict in judged(results)}


@pytest.mark.parametrize(
    ("target", "value", "verdict"),
    [
        (MORE, 1.99, "missed"),
        (MORE, 2.0, "met"),
        (MORE, 3.0, "met, and the stretch"),
        (LESS, 0.61, "missed"),
        (LESS, 0.6, "met"),
        (LESS, 0.1, "met"),
    ],
)
def test_a_target_is_met_or_missed_by_its_figure(target: Target, value: float, verdict: str) -> None:
    assert target.verdict(Found(value)) == verdict


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    told = found()
    assert len(told) == len(TARGETS) == 17
    assert set(told.values()) == {(None, "not measured")}


def test_ratios_are_of_cpu_per_answer() -> None:
    entrants = contest(nginx=32, Envoy_with_Lua=128, full_chain=64)["entrants"]
    entrants |= {"pass-through": {"rounds": [[1, 1, 4e-5, 0]] * 2}}
    told = found(**{"whole-600": {"entrants": entrants}})
    assert told["full chain against Envoy with Lua, CPU"] == (2.0, "missed")
    assert told["pass-through against nginx as plain proxy, CPU"] == (pytest.approx(0.8), "met, and the stretch")
    assert told["full chain against LiteLLM's pass-through, CPU"] == (None, "not measured")


def test_added_latency_is_what_a_direct_call_does_not_take() -> None:
    each = {"p50": 0.5, "p99": 3.0, "count": 10}
    direct = {"p50": 0.25, "p99": 1.0, "count": 10}
    told = found(rates={"rates": {"500": {"direct": direct, "full chain": each}}})
    assert told["added latency at 500 requests/s, p50"] == (0.25, "met")
    assert told["added latency at 500 requests/s, p99"] == (2.0, "missed")


def test_open_streams_count_when_all_are_whole_and_kept_up_with() -> None:
    good = {"failed": 0, "open": 2000, "delay": 20.0, "cpu": 0.2, "bytes_each": 12 * 1024}
    clear = {"100": good, "2000": good, "5000": {**good, "failed": 1}}
    told = found(open_streams={"clear": clear, "tls": {"2000": {**good, "bytes_each": 70 * 1024}}})
    assert told["open streams on one core"] == (2000, "met")
    assert told["memory of each, clear-text upstream"] == (12.0, "met")
    assert told["memory of each, TLS upstream"] == (70.0, "missed")
    short = found(open_streams={"clear": {"100": good, "5000": good}, "tls": {}})
    assert short["open streams on one core"] == (100, "missed")
    late = found(open_streams={"clear": {"100": {**good, "delay": 900.0}}, "tls": {}})
    assert late["open streams on one core"] == (0, "missed")


def test_costs_of_more_are_percent_above_one() -> None:
    rounds = {"1 term": [[1000, 1.0, 0.1, 0]] * 2, "200 terms": [[1000, 1.0, 0.102, 0]] * 2}
    told = found(patterns={"entrants": {name: {"rounds": each} for name, each in rounds.items()}})
    value, verdict = told["cost of 200 patterns against 1"]
    assert value == pytest.approx(2.0)
    assert verdict == "met"


def test_start_and_memory_are_the_full_chains() -> None:
    told = found(start={"full chain": {"ready": [0.5, 0.7, 0.3], "idle": 55e6}})
    assert told["cold start to /readyz"] == (0.5, "met")
    assert told["idle memory"] == (55.0, "met")
