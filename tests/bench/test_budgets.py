from __future__ import annotations

import pytest

from bench.budgets import Budget, budgets, checked, noise, set_again
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


def test_budgets_are_set_again_below_what_was_measured() -> None:
    budget = "- {section: s, entrant: a, against: "
    text = f"# why\n{budget}b, at_least: 9.00}}\n{budget}c, at_least: 1.00}}\n"
    entrants = {"a": {"rounds": [[1000, 1.0, 0.05, 0.1]]}, "b": {"rounds": [[1000, 1.0, 0.1, 0.1]]}}
    results = Results({"revision": "abc"}, {}).with_section("s", {"entrants": entrants})
    assert set_again(results, text) == text.replace("9.00", "1.80")
