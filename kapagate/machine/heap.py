"""The garbage collector, told what a gateway knows: what was loaded stays, and what a request leaves is mostly free.

Reference counts free a request's objects at once; the collector is only for cycles, which errors leave behind. With
Python's defaults it looks for them every 700 allocations, and now and then through the whole policy and every module:
measured, a tenth of all CPU, and pauses of tens of milliseconds.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG, MIDDLE, OLD = 20_000, 20, 20
"""Allocations before the youngest are looked through, and how many such looks before the older ones are."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is looked through meanwhile: what modules define when they are imported is no garbage."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def settle_more() -> None:
    """Never looks at what was made since either. At once, so it does for a gateway that serves."""
    gc.freeze()


def settle() -> None:
    """Frees what loading left, and never looks at the rest again. For the moment before the first request."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    gc.enable()
