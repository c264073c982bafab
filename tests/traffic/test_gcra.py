from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.traffic.gcra import Quota, take
from kapagate.traffic.rate import Rate

MINUTELY = Rate(60, 60.0)


def taken(moments: list[float], rate: Rate, burst: int) -> list[Quota]:
    tat, quotas = 0.0, []
    for now in moments:
        tat, quota = take(tat, now, rate, burst)
        quotas.append(quota)
    return quotas


def test_a_burst_passes_at_once_and_no_more() -> None:
    quotas = taken([1000.0] * 12, MINUTELY, 10)
    assert [quota.allowed for quota in quotas] == [True] * 10 + [False] * 2
    assert [quota.remaining for quota in quotas] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]


def test_a_refusal_says_how_long_to_wait() -> None:
    *_, refused = taken([1000.0] * 11, MINUTELY, 10)
    assert refused == Quota(False, 10, 0, 10.0, 1.0)
    assert taken([1000.0] * 11 + [1001.0], MINUTELY, 10)[-1].allowed


def test_a_refusal_takes_nothing() -> None:
    assert taken([1000.0] * 50 + [1001.0], MINUTELY, 10)[-1].allowed


def test_after_the_reset_the_bucket_is_full_again() -> None:
    first, *_ = taken([1000.0], MINUTELY, 10)
    assert first.reset_after == 1.0
    assert taken([1000.0] * 10 + [1010.0], MINUTELY, 10)[-1].remaining == 9


def test_a_cost_takes_several() -> None:
    tat, quota = take(0.0, 1000.0, MINUTELY, 10, cost=7)
    assert quota.remaining == 3
    _, refused = take(tat, 1000.0, MINUTELY, 10, cost=5)
    assert (refused.allowed, refused.remaining, refused.retry_after) == (False, 3, 2.0)


def test_a_bucket_written_under_a_slower_rate_is_empty_at_most() -> None:
    tat, _ = take(0.0, 1000.0, Rate(1, 2_592_000.0), 1)
    _, quota = take(tat, 1000.0, MINUTELY, 10)
    assert not quota.allowed
    assert quota.retry_after == pytest.approx(1.0)


@given(
    st.integers(1, 10_000),
    st.sampled_from([1.0, 60.0, 3600.0, 2_592_000.0]),
    st.floats(0, 1e7),
)
def test_the_last_request_of_a_burst_is_not_lost_to_rounding(burst: int, period: float, now: float) -> None:
    rate = Rate(7, period)
    tat = now
    for left in range(burst - 1, max(-1, burst - 200), -1):
        tat, quota = take(tat, now, rate, burst)
        assert quota.allowed
        assert quota.remaining == left


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
    passed = [now for now, quota in zip(moments, taken(moments, rate, burst), strict=True) if quota.allowed]
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + (passed[last] - passed[first]) / rate.interval + 0.01


@given(st.integers(1, 50), st.integers(1, 20), st.lists(st.floats(0, 2), min_size=1, max_size=50))
def test_whoever_waits_as_told_passes(count: int, burst: int, gaps: list[float]) -> None:
    rate, tat, now = Rate(count, 10.0), 0.0, 1000.0
    for gap in gaps:
        now += gap
        tat, quota = take(tat, now, rate, burst)
        if not quota.allowed:
            now += quota.retry_after
            tat, quota = take(tat, now, rate, burst)
            assert quota.allowed
