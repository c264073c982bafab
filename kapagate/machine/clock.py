"""The system's clocks."""

from __future__ import annotations

import time


class SystemClock:
    """`Clock` of the machine. `monotonic` never goes back; `wall` follows whoever sets the clock."""

    __slots__ = ()

    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
