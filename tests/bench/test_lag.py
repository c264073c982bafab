from __future__ import annotations

import pytest

from bench.lag import MOST_GROWTH, MOST_HELD, PROSE, Bench, Cost, Lag, held_by, lags, percentile, pieces_of
from kapagate.guards.personal import DETECTORS


@pytest.mark.parametrize("size", ["tokens", "words", "48 characters", "letters"])
@pytest.mark.parametrize("language", PROSE)
def test_a_text_is_told_in_pieces_that_are_the_text(language: str, size: str) -> None:
    assert "".join(pieces_of(PROSE[language], size)) == PROSE[language]


def test_what_waits_is_counted_against_the_last_token() -> None:
    lag = Lag()
    lag.told(["one ", "two", " three"], [0, 4, 4])
    assert (lag.held, lag.beyond, lag.records) == ([4, 3, 9], [0, 0, 4], [1, 2, 1])


def test_a_percentile_is_the_least_value_that_so_many_do_not_pass() -> None:
    assert [percentile(range(100), share) for share in (0.0, 0.5, 0.99, 1.0)] == [0, 50, 99, 99]


def test_a_cost_is_the_middle_of_pairs() -> None:
    cost = Cost.of([5.0, 9.0, 7.0], [1.0, 2.0, 9.0])
    assert (cost.guarded, cost.plain, cost.growth) == (7.0, 2.0, 4.0)


async def test_clean_prose_is_held_back_no_further_than_is_promised() -> None:
    found = await lags(Bench.opened())
    held = [each for lag in found.values() for each in lag.held]
    assert percentile(held, 0.99) <= MOST_HELD
    assert percentile([each for lag in found.values() for each in lag.beyond], 0.5) == 0


def test_beyond_the_last_token_only_words_before_a_possible_at_wait() -> None:
    found = {name: held_by(name) for name in DETECTORS}
    late = {name: each for name, each in found.items() if each.beyond}
    assert late.keys() == {"email_spelled"}, late
    assert late["email_spelled"].beyond <= 16
    assert max(each.most for each in found.values()) <= 32


async def test_both_doors_deliver_the_prose_as_it_is_and_cpu_is_counted() -> None:
    bench = Bench.opened()
    for door in bench.doors:
        first, whole = await bench.ask(door, pieces_of(PROSE["English"], "words"))
        assert bench.telling.client.characters == len(PROSE["English"])
        assert 0 < first < whole
    assert MOST_GROWTH == 1000.0
