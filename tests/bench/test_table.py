from bench.figures import Round, Spread, figures
from bench.table import start_up, table


def test_every_subject_has_a_line_with_its_ratio() -> None:
    measured = {"naive": [Round(1000, 1.0, 0.2, 0.1)], "full chain": [Round(2000, 1.0, 0.1, 0.1)]}
    lines = table(figures(measured, {"naive": "naive", "full chain": "naive"})).splitlines()
    assert lines[0].split()[:2] == ["subject", "answers/s"]
    assert lines[2].split() == ["naive", "1,000", "200.0", "0%", "1.00", "(1.00", "to", "1.00)"]
    assert lines[3].split() == ["full", "chain", "2,000", "50.0", "0%", "4.00", "(4.00", "to", "4.00)"]


def test_a_rate_that_the_bench_limited_says_so() -> None:
    limited = [Round(1000, 1.0, 0.2, 0.99)] * 3
    assert "the other core was the limit in 3 rounds" in table(figures({"one": limited}, {"one": "one"}))


def test_start_up_is_told_in_seconds_and_megabytes() -> None:
    told = start_up({"full chain": Spread(0.5, 0.25, 1.0)}, {"full chain": 60_000_000})
    assert told == "full chain: ready in 0.50 s (0.25 to 1.00), 60 MB idle"
