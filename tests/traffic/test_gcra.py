from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.traffic.gcra import Limit, Quota, take, take_all
from kapagate.traffic.rate import Rate

MINUTELY = Rate(60, 60.0)


def taken(moments: list[float], rate: Rate, burst: int) -> list[Quota]:
    tat, quotas = 0.0, []
    for now in moments:
        tat, quota = take(tat, now, Limit(rate, burst))
        quotas.append(quota)
    return quotas


def passed(quota: Quota) -> bool:
    return quota[2] == 0.0


def test_a_burst_passes_at_once_and_no_more() -> None:
    quotas = taken([1000.0] * 12, MINUTELY, 10)
    assert [passed(quota) for quota in quotas] == [True] * 10 + [False] * 2
    assert [left for left, *_ in quotas] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]


def test_a_refusal_says_how_long_to_wait() -> None:
    *_, refused = taken([1000.0] * 11, MINUTELY, 10)
    assert refused == (0, 10.0, 1.0)
    assert passed(taken([1000.0] * 11 + [1001.0], MINUTELY, 10)[-1])


def test_a_refusal_takes_nothing() -> None:
    assert passed(taken([1000.0] * 50 + [1001.0], MINUTELY, 10)[-1])


def test_after_the_reset_the_bucket_is_full_again() -> None:
    first, *_ = taken([1000.0], MINUTELY, 10)
    assert first[1] == 1.0
    assert taken([1000.0] * 10 + [1010.0], MINUTELY, 10)[-1][0] == 9


def test_a_cost_takes_several() -> None:
    tat, quota = take(0.0, 1000.0, Limit(MINUTELY, 10), cost=7)
    assert quota == (3, 7.0, 0.0)
    assert take(tat, 1000.0, Limit(MINUTELY, 10), cost=5) == (tat, (3, 7.0, 2.0))


def test_a_cost_of_nothing_always_passes() -> None:
    tat, _ = take(0.0, 1000.0, Limit(MINUTELY, 10), cost=10)
    assert take(tat, 1000.0, Limit(MINUTELY, 10), cost=0) == (tat, (0, 10.0, 0.0))


def test_several_buckets_give_together_or_not_at_all() -> None:
    limits = [Limit(MINUTELY, 10), Limit(Rate(1, 3600.0), 2)]
    tats: list[float] = [0.0, 0.0]
    for left in (1, 0):
        taken = take_all(tats, 1000.0, limits)
        assert [quota[0] for _, quota in taken] == [8 + left, left]
        tats = [tat for tat, _ in taken]
    taken = take_all(tats, 1000.0, limits)
    assert [quota for _, quota in taken] == [(8, 2.0, 0.0), (0, 7200.0, 3600.0)]
    assert [tat for tat, _ in taken] == tats


def test_a_bucket_written_under_a_slower_rate_is_empty_at_most() -> None:
    tat, _ = take(0.0, 1000.0, Limit(Rate(1, 2_592_000.0), 1))
    _, quota = take(tat, 1000.0, Limit(MINUTELY, 10))
    assert quota[2] == pytest.approx(1.0)


@given(
    st.integers(1, 10_000),
    st.sampled_from([1.0, 60.0, 3600.0, 2_592_000.0]),
    st.floats(0, 1e7),
)
def test_the_last_request_of_a_burst_is_not_lost_to_rounding(burst: int, period: float, now: float) -> None:
    limit = Limit(Rate(7, period), burst)
    tat = now
    for left in range(burst - 1, max(-1, burst - 200), -1):
        tat, quota = take(tat, now, limit)
        assert passed(quota)
        assert quota[0] == left


@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.lists(st.floats(0, 5), min_size=1, max_size=80),
    st.floats(0, 1e6),
)
def test_no_stretch_of_time_passes_more_than_burst_and_rate(
    count: int, burst: int, gaps: list[float], start: float
) -> None:
    rate, now, moments = Rate(count, 10.0), start, []
    for gap in gaps:
        now += gap
        moments.append(now)
    through = [now for now, quota in zip(moments, taken(moments, rate, burst), strict=True) if passed(quota)]
    for first in range(len(through)):
        for last in range(first, len(through)):
            assert last - first + 1 <= burst + (through[last] - through[first]) / rate.interval + 0.01


@given(st.integers(1, 50), st.integers(1, 20), st.lists(st.floats(0, 2), min_size=1, max_size=50))
def test_whoever_waits_as_told_passes(count: int, burst: int, gaps: list[float]) -> None:
    limit, tat, now = Limit(Rate(count, 10.0), burst), 0.0, 1000.0
    for gap in gaps:
        now += gap
        tat, quota = take(tat, now, limit)
        if not passed(quota):
            now += quota[2]
            tat, quota = take(tat, now, limit)
            assert passed(quota)
