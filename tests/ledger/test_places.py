from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.ledger.places import Places


def test_there_are_no_more_places_than_capacity() -> None:
    places = Places(capacity=2, share=1)
    assert [places.take(), places.take(), places.take()] == [True, True, False]
    places.free(1)
    assert places.take()


def test_a_flood_of_strangers_takes_no_place_of_callers() -> None:
    places = Places(capacity=1, share=2)
    assert [places.take_shared() for _ in range(1000)] == [True, True] + [False] * 998
    assert places.take()
    assert places.take_missed() == 998


def test_what_was_missed_is_told_once() -> None:
    places = Places(capacity=1, share=1)
    places.take_shared()
    places.take_shared()
    assert (places.take_missed(), places.take_missed()) == (1, 0)


@pytest.mark.parametrize(("capacity", "share"), [(0, 1), (1, 0)])
def test_a_ledger_without_places_is_an_error(capacity: int, share: int) -> None:
    with pytest.raises(ValueError, match="place"):
        Places(capacity, share)


@given(st.lists(st.sampled_from(["take", "take_shared", "free", "free_shared"])))
def test_counts_stay_within_their_bounds(moves: list[str]) -> None:
    places = Places(capacity=3, share=2)
    for move in moves:
        if move == "free" and places.held:
            places.free(1)
        elif move == "free_shared" and places.shared:
            places.free(0, 1)
        elif move == "take":
            places.take()
        elif move == "take_shared":
            places.take_shared()
        assert 0 <= places.held <= 3
        assert 0 <= places.shared <= 2
