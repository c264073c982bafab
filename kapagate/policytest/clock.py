"""Time that stands still until a case moves it, and names that come in order."""

from __future__ import annotations

_BETWEEN_CASES = 86_400.0


class FrozenClock:
    """`Clock` of a case. Between two cases a day passes, so that nothing is remembered from one to the other."""

    __slots__ = ("_monotonic", "_wall")

    def __init__(self) -> None:
        self._monotonic = self._wall = 0.0

    def begin(self, wall: float) -> None:
        """A case begins at this wall time, Unix seconds."""
        self._monotonic += _BETWEEN_CASES
        self._wall = wall

    def advance(self, seconds: float) -> None:
        self._monotonic += seconds
        self._wall += seconds

    def monotonic(self) -> float:
        return self._monotonic

    def wall(self) -> float:
        return self._wall


class Numbered:
    """`Ids` of a case: the same case gets the same ones."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0

    def begin(self) -> None:
        self._last = 0

    def __call__(self) -> str:
        self._last += 1
        return f"{self._last:032x}"
