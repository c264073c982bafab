"""From results to what people read: tables, plots, the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench import tables
from bench.page import BEGIN, END, PAGE, measured, plots, write_page
from bench.plots import Bar, bars, lines, marks
from bench.results import LATEST, Results

MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "python": "3.11.7",
    "revision": "0123456789abcdef",
    "changed": False,
    "memory": 8 << 30,
    "taken": "2026-01-02T03:04:05+00:00",
    "system": "a system",
    "libraries": {"aiohttp": "3"},
}


def entrant(cost: float, lacks: str = "", other: float = 0.2) -> dict[str, Any]:
    rounds = [[1000, 1.0, cost * share / 1000, other] for share in (1.0, 1.1)]
    return {"rounds": rounds, "ready": 0.5, "idle": 60 << 20, "loaded": 70 << 20, "lacks": lacks, "version": ""}


def contest(**costs: float) -> dict[str, Any]:
    entrants = {name.replace("_", " "): entrant(cost) for name, cost in costs.items()}
    return {
        "upstream": "nginx 1",
        "generator": "wrk 4",
        "reference": next(iter(entrants)),
        "absent": {"HAProxy": "not on this machine"},
        "entrants": entrants,
    }


QUANTILES = {"p50": 0.2, "p99": 0.9, "p99.9": 2.0, "most": 3.0, "count": 1000, "rounds": [[0.2, 0.9]]}
STREAMS = {
    "whole": 100,
    "open": 100,
    "other_cpu": 0.3,
    "failed": 0,
    "bytes_each": 12288.0,
    "delay": 4.0,
    "cpu": 0.1,
    "records_per_second": 300.0,
}
SECTIONS: dict[str, Any] = {
    "whole-600": contest(naive_proxy=140, nginx=16, LiteLLM=8000, full_chain=70),
    "streams": contest(naive_proxy=400, full_chain=500),
    "filters": contest(identify=40, audit=50, answer=60, full_chain=61),
    "rates": {"rates": {"100": {"direct": QUANTILES, "full chain": {**QUANTILES, "p50": 0.35}}}},
    "reload": {"rate": 500, "at rest": QUANTILES, "a tenant is edited": QUANTILES},
    "open-streams": {"pause": 0.3, "clear": {"100": STREAMS, "2000": STREAMS}, "tls": {"100": STREAMS}},
    "start": {name: {"ready": [0.5, 0.6], "idle": 55_000_000} for name in ("pass-through", "full chain")},
}


def results() -> Results:
    taken = Results(MACHINE, {})
    for name, found in SECTIONS.items():
        taken = taken.with_section(name, found)
    return taken


def test_every_entrant_has_a_row_and_who_is_absent_too() -> None:
    rows = tables.contest(results(), "whole-600")
    assert [row[0] for row in rows] == ["", "naive proxy", "nginx", "LiteLLM", "full chain", "HAProxy"]
    assert rows[4][1:5] == ("73.5", "10%", "1,000", "2.00 (2.00-2.00)")
    assert rows[5][-1] == "absent"


def test_a_rate_that_the_other_core_limited_says_so() -> None:
    limited = {"entrants": {"a": entrant(100, other=0.99)}, "reference": "a", "absent": {}}
    rows = tables.contest(Results(MACHINE, {"one": limited}), "one")
    assert rows[1][-1] == "the other core was the limit in 2 rounds"


def test_what_a_step_adds_is_taken_within_rounds() -> None:
    rows = tables.added_costs(results())
    assert rows[2] == ("audit", "52.5", "+10.5", "+10.0 to +11.0")
    assert [row[0] for row in rows[1:]] == ["identify", "audit", "answer"]


def test_latencies_are_told_as_what_they_add() -> None:
    rows = tables.latencies(results())
    assert rows[2] == ("100", "full chain", "+0.150", "+0.000", "+0.000", "1,000")


def test_rows_are_lined_up_and_are_markdown() -> None:
    rows = [("a", "b"), ("long name", "1.5"), ("c", "10.25")]
    assert tables.text(rows).splitlines() == [
        "a          b",
        "---------  -----",
        "long name    1.5",
        "c          10.25",
    ]
    assert tables.markdown(rows).splitlines()[1] == "| --- | --- |"


@pytest.mark.parametrize("most", [0.3, 1.0, 7.0, 16.0, 95.0, 440.0, 12_000.0])
def test_marks_are_few_and_reach_the_end(most: float) -> None:
    found = marks(most)
    assert found[0] == 0
    assert 3 <= len(found) <= 10
    assert most * 0.7 < found[-1] <= most * 1.001


def test_plots_are_svg_with_every_name_and_figure() -> None:
    plot = bars("CPU <each>", "us", [Bar("ours & all", 50, 45, 55, True), Bar("theirs", 9000, 8000, 9900)])
    words = "".join(ElementTree.fromstring(plot).itertext())
    assert "ours & all" in words
    assert "9,000" in words
    assert "logarithmic" in words
    drawn = lines("Memory", "KiB", ["1", "2"], {"clear": [10.0, 12.0], "TLS": [40.0, None]})
    assert "TLS" in "".join(ElementTree.fromstring(drawn).itertext())


def test_all_that_was_measured_is_on_the_page() -> None:
    text = measured(results())
    for part in (
        "a processor",
        "### Targets",
        "plots/cpu-600.svg",
        "What each step costs",
        "Open streams",
        "0123456789",
    ):
        assert part in text
    assert {"cpu-600", "cpu-streams", "filters", "latency", "streams-memory"} == set(plots(results()))


def test_only_what_stands_between_the_marks_is_written(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nof yesterday\n{END}\nafter\n")
    write_page(results(), page, tmp_path / "plots")
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "of yesterday" not in text
    assert (tmp_path / "plots" / "cpu-600.svg").is_file()
    page.write_text("no marks")
    with pytest.raises(ValueError, match="no marks"):
        write_page(results(), page, tmp_path / "plots")


def test_the_page_says_what_was_measured_last() -> None:
    text = PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip()
    assert text == measured(Results.read(LATEST)), "run `python -m bench.page`"


def test_every_plot_of_the_page_is_there() -> None:
    for name, plot in plots(Results.read(LATEST)).items():
        assert (PAGE.parent / "plots" / f"{name}.svg").read_text() == plot
