"""Deliveries in this process's memory: bounded for each source, and gone with the process."""

from __future__ import annotations

from collections import defaultdict
from itertools import count, islice

from msgspec import Struct, field

from kapagate.chain.clock import Clock
from kapagate.identity.replays import Delivery, ReplaysFull, Ticket

CAPACITY = 65_536
_MOST_LOOKS = 64


class _Known(Struct):
    """One delivery. `status` 0: there is none yet. `since` is monotonic; `ended`: nobody delivers it any more."""

    number: int
    since: float
    keep: float
    least: float
    status: int = 0
    ended: bool = False


class MemoryReplays(Struct):
    """`Replays` for `capacity` deliveries of each source, in the order in which they were claimed."""

    clock: Clock
    capacity: int = CAPACITY
    _sources: dict[str, dict[bytes, _Known]] = field(default_factory=lambda: defaultdict(dict))
    _numbers: count[int] = field(default_factory=lambda: count(1))

    async def claim(self, delivery: Delivery) -> Ticket | int | None:
        known, now = self._sources[delivery.source], self.clock.monotonic()
        found = known.get(delivery.mark)
        if found is not None and not (found.ended and now - found.since >= found.keep):
            return found.status if found.ended else None
        known.pop(delivery.mark, None)
        self._make_room(known, now)
        made = known[delivery.mark] = _Known(next(self._numbers), now, delivery.keep, delivery.least)
        return Ticket(delivery, made.number)

    async def remember(self, ticket: Ticket, status: int) -> None:
        found = self._found(ticket)
        if found is not None:
            found.status = status

    def settle(self, ticket: Ticket, delivered: bool) -> None:
        found = self._found(ticket)
        if found is None:
            return
        found.ended = True
        if not delivered:
            del self._sources[ticket.delivery.source][ticket.delivery.mark]

    async def failure(self) -> str:
        return ""

    def forget(self) -> None:
        """No message was delivered."""
        self._sources.clear()

    def __len__(self) -> int:
        return sum(len(known) for known in self._sources.values())

    def _found(self, ticket: Ticket) -> _Known | None:
        found = self._sources[ticket.delivery.source].get(ticket.delivery.mark)
        return found if found is not None and found.number == ticket.number else None

    def _make_room(self, known: dict[bytes, _Known], now: float) -> None:
        """Forgets what is old enough, the oldest first; at the bound, what has been kept as long as it must be."""
        for mark, old in list(islice(known.items(), _MOST_LOOKS)):
            full = len(known) >= self.capacity
            if old.ended and now - old.since < (old.least if full else old.keep):
                break
            if old.ended:
                del known[mark]
        if len(known) >= self.capacity:
            raise ReplaysFull("a source of webhooks has more deliveries than can be remembered")
