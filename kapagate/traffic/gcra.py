"""The generic cell rate algorithm: a limit whose whole state is one number.

A bucket of `burst` requests refills at `rate`. Instead of its level we keep the time at which it will be full again,
the *theoretical arrival time* (TAT) of the next request of a caller that keeps exactly to the rate. A request moves
the TAT on by one emission interval (period / count), or by `cost` of them. It conforms when the TAT then lies no
further ahead of now than a whole bucket takes to refill; otherwise nothing moves, and the difference is how long to
wait. So in every stretch of `t` seconds at most `burst + t / interval` requests pass: there are no windows at whose
edges twice the limit would pass, nothing has to be counted down, and a bucket that is full again (TAT in the past)
can be forgotten without loss.

Source: ITU-T I.371, annex A (virtual scheduling algorithm); the form with bursts and costs as in redis-cell.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import force_setattr

from kapagate.traffic.rate import Rate

_SLACK = 1e-3  # of one request: sums of binary fractions must not cost a caller its last request

Quota = tuple[int, float, float]
"""What a take came to: requests that are left; seconds until the bucket is full again; seconds until this request
would pass, 0.0 when it did.
"""


class Limit(Struct, frozen=True):
    """A rate, and the bucket of `burst` requests that it refills. In seconds: `interval` between two requests, `room`
    for the whole bucket to refill, `most` that a TAT may lie ahead.
    """

    rate: Rate
    burst: int
    interval: float = 0.0
    room: float = 0.0
    most: float = 0.0

    def __post_init__(self) -> None:
        interval = self.rate.interval
        force_setattr(self, "interval", interval)
        force_setattr(self, "room", interval * self.burst)
        force_setattr(self, "most", interval * (self.burst + _SLACK))


def take(tat: float, now: float, limit: Limit, cost: int = 1) -> tuple[float, Quota]:
    """The new TAT and the quota. Any TAT at or before `now` is a full bucket; `cost <= burst`.

    A TAT further ahead than this burst allows is taken as an empty bucket: it was written under another rate. A cost
    of 0 takes nothing and always passes.
    """
    interval, room = limit.interval, limit.room
    owed = tat - now if tat > now else 0.0
    if owed > room:
        owed = room
    ahead = owed + interval * cost
    if ahead > limit.most:
        return now + owed, (int((room - owed) / interval + _SLACK), owed, ahead - room)
    return now + ahead, (int((room - ahead) / interval + _SLACK) if ahead < room else 0, ahead, 0.0)


def take_all(tats: Sequence[float], now: float, limits: Sequence[Limit], cost: int = 1) -> list[tuple[float, Quota]]:
    """Takes of all buckets, or of none where one of them refuses: then the others say what they have."""
    asked = list(zip(tats, limits, strict=True))
    taken = [take(tat, now, limit, cost) for tat, limit in asked]
    if any(retry_after for _, (_, _, retry_after) in taken):
        return [
            made if made[1][2] else take(tat, now, limit, 0) for made, (tat, limit) in zip(taken, asked, strict=True)
        ]
    return taken
