"""Each message once: the hooks of an exchange that delivers one.

The claim comes before the chain, so that of two that come together one is told to wait. What the sender is told counts:
2xx is remembered before the head leaves, and anything else forgotten - a refusal of the chain, an upstream that failed,
an answer that broke off. A sender that leaves after a 2xx left has its answer; one that left before will try again.
"""

from __future__ import annotations

from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.fact import Fact
from kapagate.chain.problem import Gone, Problem
from kapagate.chain.response import Response
from kapagate.chain.step import Step
from kapagate.identity.replays import Delivery, Replays, Ticket

RETRY_AFTER = 5.0
DELIVERY: Fact[Delivery] = Fact("delivery")
"""The message that an exchange delivers, found out by whoever verified it."""
_TICKET: Fact[Ticket] = Fact("delivery.ticket")


class Deliveries:
    """The hooks, over one store."""

    __slots__ = ("_replays",)

    def __init__(self, replays: Replays) -> None:
        self._replays = replays

    def step(self) -> Step:
        return Step(reads=frozenset({DELIVERY}), on_request=self.claim, on_opening=self.remember, on_done=self.settle)

    async def claim(self, ex: Exchange) -> Response | None:
        """None: it is new. A message that was delivered gets its first status again, without a body."""
        found = await self._replays.claim(ex[DELIVERY])
        if isinstance(found, Ticket):
            ex.put(_TICKET, found)
            return None
        if found is None:
            detail = "this message is being delivered by another request"
            raise Problem(problems.DELIVERY_UNDER_WAY, detail, retry_after=RETRY_AFTER)
        ex.verdict().reason = "delivered before"
        return Response.whole(found, [], b"")

    async def remember(self, ex: Exchange) -> None:
        ticket, response = ex.get(_TICKET), ex.response
        if ticket is not None and ex.refusal is None and response is not None and _good(response.status):
            await self._replays.remember(ticket, response.status)

    def settle(self, ex: Exchange) -> None:
        ticket = ex.get(_TICKET)
        if ticket is not None:
            whole = ex.broken is None or isinstance(ex.broken, Gone)
            self._replays.settle(ticket, _good(ex.status) and ex.refusal is None and whole)


def _good(status: int) -> bool:
    return 200 <= status < 300
