from __future__ import annotations

from pathlib import Path

from bench.figures import Spread
from bench.results import Results

HERE = {"processor": "p", "cores": 2, "python": "3.11", "revision": "abc"}


def entrant(*costs: float) -> dict[str, object]:
    """A thousand answers a second, at so many microseconds each."""
    return {"rounds": [[1000, 1.0, cost / 1000, 0.1] for cost in costs]}


def test_ratios_are_taken_within_rounds() -> None:
    results = Results(HERE, {}).with_section("one", {"entrants": {"a": entrant(10, 40), "b": entrant(20, 80)}})
    assert results.cheaper("one", "a", "b") == Spread(2.0, 2.0, 2.0)
    assert results.cheaper("one", "a", "nobody") is None
    assert results.cheaper("none", "a", "b") is None


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    results = Results(HERE, {}).with_section("one", {"value": 3})
    results.write(tmp_path / "latest.json")
    assert Results.read(tmp_path / "latest.json") == results
    assert results.at("one", "value") == 3
    assert results.at("one", "value", "deeper") is None
    assert Results.read(tmp_path / "nothing.json") == Results({}, {})


def test_sections_are_gone_on_with_on_the_same_machine_alone() -> None:
    results = Results(HERE, {}).with_section("one", {"value": 3})
    assert results.here({**HERE, "revision": "def"}).at("one", "revision") == "abc"
    assert results.here({**HERE, "processor": "q"}).sections == {}
