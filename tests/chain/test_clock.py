from __future__ import annotations

import inspect

import pytest

from kapagate.chain.clock import Clock, Ids


@pytest.mark.parametrize("method", ["monotonic", "wall"])
def test_a_clock_of_tests_keeps_to_the_port(lab, method: str) -> None:
    assert inspect.signature(getattr(Clock, method)) == inspect.signature(getattr(lab.Clock, method))


def test_a_clock_of_tests_stands_still_until_it_is_told_to_go_on(lab) -> None:
    clock = lab.Clock()
    before = clock.monotonic(), clock.wall()
    assert (clock.monotonic(), clock.wall()) == before
    clock.advance(2.5)
    assert (clock.monotonic(), clock.wall()) == (before[0] + 2.5, before[1] + 2.5)


def test_ids_are_made_without_arguments() -> None:
    assert list(inspect.signature(Ids.__call__).parameters) == ["self"]
