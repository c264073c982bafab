from __future__ import annotations

from bench.policytests import measured


def test_every_round_runs_all_cases_and_is_measured() -> None:
    figures = measured(2)
    assert len(figures) == 2
    assert all(0 < cases < calls for cases, calls in figures)
