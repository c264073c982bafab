"""What the tests of both stores of deliveries share."""

from __future__ import annotations

from hashlib import sha256

from kapagate.identity.replays import Delivery, Replays, Ticket

KEEP, LEAST = 3600.0, 600.0


def message(number: int | str, source: str = "crm", keep: float = KEEP, least: float = LEAST) -> Delivery:
    return Delivery(source, sha256(f"{number}".encode()).digest(), keep, least)


async def claimed(replays: Replays, delivery: Delivery) -> Ticket:
    ticket = await replays.claim(delivery)
    assert isinstance(ticket, Ticket)
    return ticket


async def delivered(replays: Replays, delivery: Delivery, status: int = 200) -> None:
    ticket = await claimed(replays, delivery)
    await replays.remember(ticket, status)
    replays.settle(ticket, delivered=True)
