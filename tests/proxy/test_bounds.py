from __future__ import annotations

from msgspec.structs import astuple

from kapagate.proxy.bounds import Deadlines, Limits


def test_bounds_are_on_by_default() -> None:
    assert all(bound > 0 for bound in (*astuple(Limits()), *astuple(Deadlines())))


def test_defaults_are_the_designs() -> None:
    limits, deadlines = Limits(), Deadlines()
    assert (limits.head, limits.fields) == (32 * 1024, 100)
    assert (deadlines.head, deadlines.body_idle, deadlines.reader, deadlines.keep_alive) == (10, 30, 60, 75)


def test_a_target_that_is_too_long_is_noticed_before_its_head_is() -> None:
    assert Limits().target < Limits().head
