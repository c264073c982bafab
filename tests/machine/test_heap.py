import gc
from collections.abc import Iterator

import pytest

from kapagate.machine.heap import MIDDLE, OLD, YOUNG, settle, uncollected


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    yield
    gc.unfreeze()
    if frozen:
        gc.freeze()
    gc.set_threshold(*thresholds)
    gc.enable()


def test_what_was_loaded_is_never_looked_through_again() -> None:
    loaded = [[] for _ in range(1000)]
    settle()
    assert gc.get_freeze_count() > len(loaded)
    assert gc.collect() == 0


def test_the_collector_goes_on_looking_but_seldom() -> None:
    gc.disable()
    settle()
    assert gc.isenabled()
    assert gc.get_threshold() == (YOUNG, MIDDLE, OLD)


def test_cycles_that_requests_leave_are_still_found() -> None:
    settle()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    assert gc.collect() >= 1


def test_importing_is_not_interrupted_and_the_collector_is_back_afterwards() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
