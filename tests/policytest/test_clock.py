from __future__ import annotations

from kapagate.policytest.clock import FrozenClock, Numbered


def test_time_stands_still_until_it_is_moved() -> None:
    clock = FrozenClock()
    clock.begin(1_700_000_000.0)
    before = clock.monotonic()
    assert clock.wall() == 1_700_000_000.0
    clock.advance(2.5)
    assert (clock.wall(), clock.monotonic() - before) == (1_700_000_002.5, 2.5)


def test_monotonic_time_never_goes_back_between_cases() -> None:
    clock = FrozenClock()
    clock.begin(1_700_000_000.0)
    before = clock.monotonic()
    clock.begin(1_600_000_000.0)
    assert clock.wall() == 1_600_000_000.0
    assert clock.monotonic() - before >= 3600


def test_the_same_case_gets_the_same_ids() -> None:
    ids = Numbered()
    first = [ids(), ids()]
    ids.begin()
    assert [ids(), ids()] == first
    assert all(len(each) == 32 for each in first)
