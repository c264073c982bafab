from __future__ import annotations

import time

from kapagate.chain.clock import Clock
from kapagate.machine.clock import SystemClock


def test_monotonic_never_goes_back() -> None:
    clock: Clock = SystemClock()
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)


def test_wall_is_the_time_of_the_world() -> None:
    before, reading, after = time.time(), SystemClock().wall(), time.time()
    assert before <= reading <= after
