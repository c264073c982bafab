"""Places for records: bounded, so that memory is; counted, so that what found none is known.

A place is taken before anything is decided and is free again when its record is durable. What never came to reserve
one (refusals of the gate) takes from a small share of its own: a flood of strangers cannot take the places of callers.
"""

from __future__ import annotations


class Places:
    """Counts places. `missed`: records that found no place since the last `take_missed`."""

    __slots__ = ("_capacity", "_share", "held", "missed", "shared")

    def __init__(self, capacity: int, share: int) -> None:
        if capacity < 1 or share < 1:
            raise ValueError("a ledger needs at least one place of either kind")
        self._capacity = capacity
        self._share = share
        self.held = 0
        self.shared = 0
        self.missed = 0

    def take(self) -> bool:
        """A place for an exchange that waits for it; False when there is none."""
        if self.held >= self._capacity:
            return False
        self.held += 1
        return True

    def take_shared(self) -> bool:
        """A place out of the share; without one the record is missed."""
        if self.shared >= self._share:
            self.missed += 1
            return False
        self.shared += 1
        return True

    def free(self, held: int, shared: int = 0) -> None:
        self.held -= held
        self.shared -= shared

    def take_missed(self) -> int:
        """How many were missed; counts from nothing again."""
        missed, self.missed = self.missed, 0
        return missed
