"""What the project aims at, and whether it is met. Ratios are of CPU per answer, within one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.figures import Spread
from bench.results import Results

WHOLE = "whole-600"
FULL, PASSING = "full chain", "pass-through"
_OPEN_DELAY = 300.0
"""Milliseconds: streams are kept up with while the slowest of a hundred is less than one record behind."""


@dataclass(frozen=True, slots=True)
class Found:
    """A figure; `spread` are the ends of its rounds."""

    value: float
    spread: tuple[float, float] | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """`more` is better, or less is. `figure` gives None when it was not measured."""

    name: str
    aim: float
    stretch: float | None
    unit: str
    more: bool
    figure: Callable[[Results], Found | None]

    def verdict(self, found: Found | None) -> str:
        if found is None:
            return "not measured"
        if self._reaches(found.value, self.aim):
            stretched = self.stretch is not None and self._reaches(found.value, self.stretch)
            return "met, and the stretch" if stretched else "met"
        return "missed"

    def _reaches(self, value: float, aim: float) -> bool:
        return value >= aim if self.more else value <= aim


def _cheaper(entrant: str, reference: str, section: str = WHOLE) -> Callable[[Results], Found | None]:
    def figure(results: Results) -> Found | None:
        return _of(results.cheaper(section, entrant, reference))

    return figure


def _of(spread: Spread | None) -> Found | None:
    return Found(spread.middle, (spread.least, spread.most)) if spread else None


def _added(share: str, rate: str = "500") -> Callable[[Results], Found | None]:
    def figure(results: Results) -> Found | None:
        ours, direct = results.at("rates", "rates", rate, FULL), results.at("rates", "rates", rate, "direct")
        if ours is None or direct is None:
            return None
        return Found(ours[share] - direct[share], remark=f"{ours['count']:,} answers")

    return figure


def _window(results: Results) -> Found | None:
    alone = results.at("window", "records_per_second")
    together = results.at("window", "records_per_second_in_one_chunk")
    return Found(alone, remark=f"each alone; {together:,.0f} when they come together") if alone else None


def _open(results: Results) -> Found | None:
    """The most streams that all were whole and kept up with."""
    clear = results.at("open-streams", "clear")
    if not clear:
        return None
    good = [int(count) for count, each in clear.items() if _is_good(int(count), each)]
    busiest = clear[str(max(good))]["cpu"] if good else 0.0
    return Found(max(good, default=0), remark=f"at {busiest:.0%} of the core")


def _is_good(count: int, each: Mapping[str, Any]) -> bool:
    """All were open at once, whole, and kept up with."""
    return bool(not each["failed"] and each["open"] >= count and each["delay"] < _OPEN_DELAY)


def _memory(kind: str, count: str) -> Callable[[Results], Found | None]:
    def figure(results: Results) -> Found | None:
        each = results.at("open-streams", kind, count)
        return Found(each["bytes_each"] / 1024, remark=f"{each['open']:,} at once") if each else None

    return figure


def _ready(results: Results) -> Found | None:
    ready = results.at("start", FULL, "ready")
    return _of(Spread.of(ready)) if ready else None


def _idle(results: Results) -> Found | None:
    idle = results.at("start", FULL, "idle")
    return Found(idle / 1e6) if idle else None


def _dearer(section: str, entrant: str, reference: str, beside: str = "") -> Callable[[Results], Found | None]:
    """Percent of CPU per answer above the reference's; `beside` is told as a remark."""

    def figure(results: Results) -> Found | None:
        found = results.cheaper(section, reference, entrant)
        if found is None:
            return None
        other = results.cheaper(section, reference, beside) if beside else None
        remark = f"{beside}: {(other.middle - 1) * 100:+.1f} %" if other else ""
        return Found((found.middle - 1) * 100, ((found.least - 1) * 100, (found.most - 1) * 100), remark)

    return figure


def _replicas(results: Results) -> Found | None:
    both = results.at("replicas", "times")
    return Found(both) if both else None


TARGETS = (
    Target("full chain against Envoy with Lua, CPU", 2.2, 3.0, "x", True, _cheaper(FULL, "Envoy with Lua")),
    Target("full chain against Envoy's native filters, CPU", 1.0, 1.3, "x", True, _cheaper(FULL, "Envoy, native")),
    Target("pass-through against nginx as plain proxy, CPU", 0.40, 0.50, "x", True, _cheaper(PASSING, "nginx")),
    Target("full chain against our own pass-through, CPU", 0.50, 0.60, "x", True, _cheaper(FULL, PASSING)),
    Target("full chain against LiteLLM's pass-through, CPU", 100, 130, "x", True, _cheaper(FULL, "LiteLLM")),
    Target("full chain against Portkey, CPU", 15, 20, "x", True, _cheaper(FULL, "Portkey")),
    Target("added latency at 500 requests/s, p50", 0.3, 0.15, "ms", False, _added("p50")),
    Target("added latency at 500 requests/s, p99", 1.0, 0.5, "ms", False, _added("p99")),
    Target("stream records through the guard window", 150_000, 300_000, "per s", True, _window),
    Target("open streams on one core", 2000, 5000, "", True, _open),
    Target("memory of each, clear-text upstream", 16, 10, "KiB", False, _memory("clear", "2000")),
    Target("memory of each, TLS upstream", 64, 50, "KiB", False, _memory("tls", "2000")),
    Target("cold start to /readyz", 0.6, 0.4, "s", False, _ready),
    Target("idle memory", 60, 50, "MB", False, _idle),
    Target(
        "cost of 10,000 tenants against 1",
        3,
        1,
        "%",
        False,
        _dearer("tenants", "10,000 tenants", "1 tenant", "10,000 tenants, 100 ask"),
    ),
    Target("cost of 200 patterns against 1", 3, 1, "%", False, _dearer("patterns", "200 terms", "1 term")),
    Target("two replicas on two cores against one on one", 1.9, None, "x", True, _replicas),
)


def judged(results: Results) -> Iterator[tuple[Target, Found | None, str]]:
    for target in TARGETS:
        found = target.figure(results)
        yield target, found, target.verdict(found)
