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

from typing import NamedTuple

from kapagate.traffic.rate import Rate

_SLACK = 1e-3  # of one request: sums of binary fractions must not cost a caller its last request


class Quota(NamedTuple):
    """What a take came to: `limit` and `remaining` in requests, the rest in seconds.

    After `reset_after` the bucket is full again; after `retry_after` this request would pass (0.0 when it did).
    """

    allowed: bool
    limit: int
    remaining: int
    reset_after: float
    retry_after: float


def take(tat: float, now: float, rate: Rate, burst: int, cost: int = 1) -> tuple[float, Quota]:
    """The new TAT and the quota. Any TAT at or before `now` is a full bucket; `1 <= cost <= burst`.

    A TAT further ahead than this burst allows is taken as an empty bucket: it was written under another rate.
    """
    interval = rate.period / rate.count
    room = interval * burst
    owed = tat - now if tat > now else 0.0
    if owed > room:
        owed = room
    ahead = owed + interval * cost
    if ahead > room + interval * _SLACK:
        remaining = int((room - owed) / interval + _SLACK)
        return now + owed, Quota(False, burst, remaining, owed, ahead - room)
    remaining = int((room - ahead) / interval + _SLACK) if ahead < room else 0
    return now + ahead, Quota(True, burst, remaining, ahead, 0.0)
