from bench.figures import Round, Spread


def test_a_spread_is_the_median_and_both_ends() -> None:
    assert Spread.of([3.0, 1.0, 8.0]) == Spread(3.0, 1.0, 8.0)
    assert Spread.of([3.0, 1.0, 8.0]).width == 7 / 3


def test_rate_and_cost_are_per_answer() -> None:
    assert Round(500, 2.0, 0.05, 0.0).rate == 250
    assert Round(500, 2.0, 0.05, 0.0).cost == 100


def test_a_full_other_core_beside_one_with_room_is_noticed() -> None:
    assert Round(1000, 1.0, 0.5, 0.98).is_limited_by_others
    assert not Round(1000, 1.0, 0.99, 0.98).is_limited_by_others
    assert not Round(1000, 1.0, 0.5, 0.6).is_limited_by_others
