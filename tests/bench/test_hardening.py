import pytest

from bench.figures import Round
from bench.hardening import costs


def test_costs_are_compared_within_a_round() -> None:
    hardened = [Round(100, 1.0, 0.011, 0.1), Round(100, 1.0, 0.021, 0.1)]
    bare = [Round(100, 1.0, 0.010, 0.1), Round(100, 1.0, 0.020, 0.1)]
    told = costs(hardened, bare)
    assert (told.least, told.most) == (pytest.approx(5.0), pytest.approx(10.0))
