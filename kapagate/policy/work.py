"""Work that can be done in slices: a generator that yields wherever it may rest, and returns what came of it.

A command does it at once. A gateway that serves does a millisecond of it and lets requests pass.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Work: TypeAlias = Generator[None, None, T]


def done(work: Work[T]) -> T:
    """What comes of it, without a rest."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result
