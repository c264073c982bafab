from __future__ import annotations

from collections.abc import Callable

from kapagate.policy.diff_steps import LaneDiff
from kapagate.policy.load import Loaded

Load = Callable[..., Loaded]


def changes(before: Loaded, after: Loaded) -> list[tuple[str, str, str]]:
    grounds = [loaded.build.ground for loaded in (before, after) if loaded.build and loaded.build.ground]
    compilers = [ground.tenancy.compiler for ground in grounds]
    lanes = LaneDiff((compilers[0], compilers[1]), ((), ()))
    found = lanes.changes(grounds[0].lanes[1], grounds[1].lanes[1])
    return [(each.subject, each.field, each.label) for each in found]


def test_nothing_changes_where_the_same_is_written_twice(load: Load, good: str) -> None:
    assert changes(load(good), load(good + "# the same\n")) == []


def test_a_filter_in_the_place_of_another_cannot_be_compared(load: Load, good: str, acme: str) -> None:
    tenant = acme[: acme.index("chain:")]
    other = good.replace("  - guard: {mask: email}\n", "  - note: {}\n")
    assert changes(load(good, tenant), load(other, tenant)) == [("step answer", "", "unknown")]


def test_options_of_a_step_that_does_not_act_change_nothing(load: Load, good: str, acme: str) -> None:
    tenant = acme[: acme.index("chain:")]
    shadow = good.replace("    id: answer\n", "    id: answer\n    mode: shadow\n")
    assert changes(load(shadow, tenant), load(shadow.replace("mask: email", "mask: phone"), tenant)) == [
        ("step answer", "mask", "neutral")
    ]
