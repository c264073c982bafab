"""How long records are kept, and how much of them, where several steps write to one ledger."""

from __future__ import annotations

import math

from msgspec import Struct


class Retention(Struct):
    """The most that anybody asked for: who records more strictly must not lose records to who records less so.

    `seconds` and `size` in bytes; infinite without a bound, and as long as nobody asked.
    """

    seconds: float = math.inf
    size: float = math.inf
    asked: bool = False

    def ask(self, seconds: float | None, size: int | None) -> None:
        """None: no bound."""
        seconds, bytes_ = math.inf if seconds is None else seconds, math.inf if size is None else size
        self.seconds = max(self.seconds, seconds) if self.asked else seconds
        self.size = max(self.size, bytes_) if self.asked else bytes_
        self.asked = True

    @property
    def bounded(self) -> bool:
        return min(self.seconds, self.size) < math.inf
