from bench.figures import Round, Spread, figures


def rounds(*costs: float) -> list[Round]:
    """Rounds of one second and a thousand answers; costs in CPU microseconds per answer."""
    return [Round(1000, 1.0, cost / 1000, 0.1) for cost in costs]


def test_a_spread_is_the_median_and_both_ends() -> None:
    assert Spread.of([3.0, 1.0, 8.0]) == Spread(3.0, 1.0, 8.0)
    assert Spread.of([3.0, 1.0, 8.0]).width == 7 / 3


def test_rate_and_cost_are_per_answer() -> None:
    assert Round(500, 2.0, 0.05, 0.0).rate == 250
    assert Round(500, 2.0, 0.05, 0.0).cost == 100


def test_ratios_are_taken_within_a_round_so_that_noise_cancels() -> None:
    measured = {"naive": rounds(100, 200, 300), "gateway": rounds(50, 100, 150)}
    told = figures(measured, {"naive": "naive", "gateway": "naive"})
    assert told["gateway"].times_cheaper == Spread(2.0, 2.0, 2.0)
    assert told["gateway"].cost == Spread(100.0, 50.0, 150.0)
    assert told["naive"].times_cheaper == Spread(1.0, 1.0, 1.0)


def test_a_full_other_core_beside_one_with_room_is_noticed() -> None:
    assert Round(1000, 1.0, 0.5, 0.98).is_limited_by_others
    assert not Round(1000, 1.0, 0.99, 0.98).is_limited_by_others
    assert not Round(1000, 1.0, 0.5, 0.6).is_limited_by_others


def test_rounds_that_the_other_core_limited_are_counted() -> None:
    limited = Round(1000, 1.0, 0.5, 0.98)
    assert figures({"one": [limited, *rounds(10), limited]}, {"one": "one"})["one"].limited_rounds == 2
