"""Time and chance as arguments: nothing above floor 1 asks the machine."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """`monotonic` for durations and limits, `wall` (Unix seconds) for what is written or compared with the world."""

    def monotonic(self) -> float: ...
    def wall(self) -> float: ...


class Ids(Protocol):
    """Makes identifiers: unguessable, of `[0-9a-f]{32}`."""

    def __call__(self) -> str: ...
