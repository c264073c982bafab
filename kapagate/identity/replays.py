"""The port to what remembers deliveries, so that each message is delivered once.

A delivery is under way from its claim to its end. It is remembered, with the status that the sender was told, before
that status leaves; one that fails is forgotten, so that the sender's next try is delivered. What is remembered ages by
the monotonic clock from when this process first knew it: a jump of the wall clock frees nothing, and a restart begins
every age anew. A process that dies leaves its claims behind: they lapse when nobody has spoken for them for a while.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from kapagate.chain.problem import BackendFailed


class ReplaysFull(BackendFailed):
    """A source has more deliveries than can be remembered as long as they must be."""


class Delivery(Struct, frozen=True):
    """A message to deliver. `source` is who sends it, `mark` what it is known by among theirs (32 bytes).

    It is remembered for `keep` seconds; where there are too many of one source, for no less than `least`.
    """

    source: str
    mark: bytes
    keep: float
    least: float


class Ticket(Struct, frozen=True):
    """A delivery under way; `number` tells this claim from others of the same message."""

    delivery: Delivery
    number: int


class Replays(Protocol):
    """Who shares the store shares what it remembers. At most so many deliveries of each source."""

    async def claim(self, delivery: Delivery) -> Ticket | int | None:
        """A ticket: it is new, and now under way. A number: the status that it was delivered with. None: it is under
        way elsewhere. Raises ReplaysFull, BackendFailed.
        """

    async def remember(self, ticket: Ticket, status: int) -> None:
        """Remembers the status; when it returns, a restart forgets it no more. Raises BackendFailed."""

    def settle(self, ticket: Ticket, delivered: bool) -> None:
        """Ends the delivery, and forgets it unless it was delivered. Called once; never waits and never raises."""

    async def failure(self) -> str:
        """Why nothing can be remembered right now; empty: it can, as far as is known."""
