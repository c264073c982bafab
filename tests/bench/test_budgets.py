from __future__ import annotations

import pytest

from bench.budgets import Budget, budgets, checked, noise
from bench.figures import Spread
from bench.results import Results
from bench.run import IN_QUICK

BUDGET = Budget("whole-600", "ours", "theirs", at_least=1.0)


@pytest.mark.parametrize(
    ("middle", "least", "most", "state"),
    [
        (1.2, 1.1, 1.3, "kept"),
        (1.0, 0.5, 1.5, "kept"),
        (0.95, 0.9, 1.0, "within the noise"),
        (0.95, 0.94, 0.96, "missed"),
        (0.5, 0.4, 0.9, "missed"),
    ],
)
def test_a_budget_is_missed_by_more_than_the_runs_own_noise(
    middle: float, least: float, most: float, state: str
) -> None:
    assert BUDGET.kept(Spread(middle, least, most)) == state


def test_the_noise_is_half_of_what_lies_between_the_ends() -> None:
    assert noise(Spread(1.0, 0.8, 1.4)) == pytest.approx(0.3)


def test_a_budget_whose_reference_is_not_here_is_not_measured() -> None:
    assert [state for _, _, state in checked(Results({}, {}), [BUDGET])] == ["not measured"]


def test_every_budget_is_of_what_the_quick_run_measures() -> None:
    wanted = budgets()
    assert wanted
    assert {each.section for each in wanted} <= set(IN_QUICK)
    assert all(each.at_least > 0 for each in wanted)
