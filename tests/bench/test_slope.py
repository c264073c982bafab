from __future__ import annotations

import random

import pytest

from bench.slope import slope_of, thinned


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


def test_less_than_one_step_is_noise_however_sure_it_is() -> None:
    assert slope_of([(x, 0.05 * x) for x in range(11)], step=1.0).is_noise
    assert not slope_of([(x, 0.2 * x) for x in range(11)], step=1.0).is_noise


def test_two_samples_have_no_interval() -> None:
    with pytest.raises(ValueError, match="three"):
        slope_of([(0.0, 0.0), (1.0, 1.0)])


def test_neighbours_that_say_the_same_make_no_certainty() -> None:
    steps = [(float(x), float(x // 40 % 2)) for x in range(400)]
    assert slope_of(thinned(steps, 10)).margin > 2 * slope_of(steps).margin


def test_few_samples_are_left_as_they_are() -> None:
    samples = [(float(x), 1.0) for x in range(20)]
    assert thinned(samples) == samples
    assert len(thinned([(float(x), 1.0) for x in range(100)], 16)) == 16
