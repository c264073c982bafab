from __future__ import annotations

import math

import pytest

from kapagate.ledger.retention import Retention

DAY = 86_400.0


def test_what_nobody_bounds_is_kept_for_ever() -> None:
    retention = Retention()
    assert not retention.bounded
    retention.ask(None, None)
    assert (retention.seconds, retention.size, retention.bounded) == (math.inf, math.inf, False)


@pytest.mark.parametrize(("seconds", "size"), [(90 * DAY, None), (None, 1 << 30), (90 * DAY, 1 << 30)])
def test_one_bound_is_a_bound(seconds: float | None, size: int | None) -> None:
    retention = Retention()
    retention.ask(seconds, size)
    assert retention.bounded


def test_the_longest_and_the_most_count() -> None:
    retention = Retention()
    retention.ask(90 * DAY, 100)
    retention.ask(30 * DAY, 200)
    assert (retention.seconds, retention.size) == (90 * DAY, 200)
    retention.ask(None, None)
    assert not retention.bounded
