"""Ways to cut what is sent: the verdict on a case must be the same for all of them."""

from __future__ import annotations

import random
from collections.abc import Iterator

_SLOW = 2048
_STRIDE = 997


def whole(data: bytes) -> list[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> list[bytes]:
    """Every byte by itself; of long data the ends only, so that a test takes no minute."""
    if len(data) <= _SLOW:
        return [data[at : at + 1] for at in range(len(data))]
    middle = data[_SLOW // 2 : -_SLOW // 2]
    strides = [middle[at : at + _STRIDE] for at in range(0, len(middle), _STRIDE)]
    return [*byte_by_byte(data[: _SLOW // 2]), *strides, *byte_by_byte(data[-_SLOW // 2 :])]


def at_random(data: bytes, seed: str) -> list[bytes]:
    """Up to seven pieces, the same for the same seed."""
    chance = random.Random(seed)
    places = sorted(chance.sample(range(1, len(data)), min(chance.randint(1, 6), len(data) - 1)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def in_two(data: bytes) -> Iterator[list[bytes]]:
    """At every place."""
    for place in range(1, len(data)):
        yield [data[:place], data[place:]]
