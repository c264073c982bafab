from __future__ import annotations

import pytest

from kapagate.traffic.fields import Told
from kapagate.traffic.rate import Rate

HOURLY = Rate(100, 3600.0)


def test_the_policy_says_requests_and_window() -> None:
    assert Told("door", Rate(600, 60.0)).policy == (b"RateLimit-Policy", b'"door";q=600;w=60')


def test_the_state_says_what_is_left_and_when_all_is_back() -> None:
    told = Told("door", HOURLY)
    assert told.state((42, 6.2, 0.0)) == (b"RateLimit", b'"door";r=42;t=7')
    assert told.state((100, 0.0, 0.0)) == (b"RateLimit", b'"door";r=100;t=0')


def test_a_name_cannot_end_its_quotes() -> None:
    assert Told('a";q=1\\é', Rate(1, 1.0)).policy[1] == b'"a\\";q=1\\\\?";q=1;w=1'


def test_a_level_is_written_once_and_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kapagate.traffic.fields._MOST_KEPT", 3)
    told = Told("door", HOURLY)
    assert told.state((42, 6.2, 0.0)) is told.state((42, 6.9, 0.0))
    for left in range(10):
        assert told.state((left, 1.0, 0.0))[1] == b'"door";r=%d;t=1' % left
        assert len(told._kept) <= 3
