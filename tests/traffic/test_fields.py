from __future__ import annotations

from kapagate.traffic.fields import policy_item, quoted, state_item
from kapagate.traffic.gcra import Quota
from kapagate.traffic.rate import Rate


def test_the_policy_says_requests_and_window() -> None:
    assert policy_item(quoted("door"), Rate(600, 60.0)) == b'"door";q=600;w=60'


def test_the_state_says_what_is_left_and_when_all_is_back() -> None:
    assert state_item(quoted("door"), Quota(True, 100, 42, 6.2, 0.0)) == b'"door";r=42;t=7'
    assert state_item(quoted("door"), Quota(True, 100, 100, 0.0, 0.0)) == b'"door";r=100;t=0'


def test_a_name_cannot_end_its_quotes() -> None:
    assert policy_item(quoted('a";q=1\\é'), Rate(1, 1.0)) == b'"a\\";q=1\\\\?";q=1;w=1'
