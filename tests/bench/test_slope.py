from __future__ import annotations

import random

import pytest

from bench.slope import slope_of


def test_a_line_has_its_slope_and_no_margin() -> None:
    slope = slope_of([(x, 3.0 * x + 1.0) for x in range(10)])
    assert slope.value == pytest.approx(3.0)
    assert slope.margin == pytest.approx(0.0, abs=1e-9)
    assert not slope.is_noise


def test_noise_without_a_trend_is_noise_and_a_trend_in_noise_is_found() -> None:
    chance = random.Random(1)
    noise = [chance.gauss(0.0, 1.0) for _ in range(200)]
    assert slope_of(list(enumerate(noise))).is_noise
    assert not slope_of([(x, y + x) for x, y in enumerate(noise)]).is_noise


def test_two_samples_have_no_interval() -> None:
    with pytest.raises(ValueError, match="three"):
        slope_of([(0.0, 0.0), (1.0, 1.0)])
