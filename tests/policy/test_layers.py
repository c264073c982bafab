"""A tenant changes steps by their ids, and never loosens a locked one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.policy.layers import merged
from kapagate.policy.load import Loaded
from kapagate.policy.nodes import Mapping, plain

Load = Callable[..., Loaded]
LAST = "  - {at: answer, set: {mask: phone}}\n"


def steps(loaded: Loaded) -> list[str]:
    assert loaded.generation is not None, loaded.report()
    tenant = loaded.generation.tenants["acme"]
    return [placed.id for placed in (tenant.steps or loaded.generation.steps).chain]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("{at: answer, mode: shadow}", ["ask", "note", "answer"]),
        ("{remove: note}", ["ask", "answer"]),
        ("{add: {note: {}, id: own}, after: ask}", ["ask", "own", "note", "answer"]),
        ("{add: {note: {}, id: own}, before: answer}", ["ask", "note", "own", "answer"]),
        ("{add: {note: {}, id: own}, after: answer}", ["ask", "note", "answer", "own"]),
    ],
)
def test_steps_are_changed_added_and_removed(
    load: Load, good: str, acme: str, change: str, expected: list[str]
) -> None:
    assert steps(load(good, acme.replace(LAST, f"  - {change}\n"))) == expected


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("{at: ask, mode: off}", "7:21 KG303"),
        ("{at: ask, on_error: allow}", "7:25 KG303"),
        ("{at: ask, when: {method: [GET]}}", "7:15 KG303"),
        ("{remove: ask}", "7:14 KG303"),
        ("{add: {note: {}, id: own}, before: ask}", "7:32 KG303"),
        ("{at: anwser, set: {}}", "7:10 KG301"),
        ("{at: door, set: {}}", "7:10 KG301"),
        ("{add: {note: {}, id: own}, after: anwser}", "7:39 KG301"),
        ("{add: {note: {}}, after: ask}", "7:12 KG302"),
        ("{add: {note: {}, id: door}, after: ask}", "7:26 KG302"),
        ("{add: {nota: {}, id: own}, after: ask}", "7:12 KG218"),
        ("{add: {note: {coun: 1}, id: own}, after: ask}", "7:19 KG214"),
        ("{add: {note: {}, id: own}}", "7:6 KG217"),
        ("{add: {note: {}, id: own}, after: ask, before: answer}", "7:44 KG217"),
        ("{at: answer}", "7:6 KG217"),
        ("{at: answer, remove: note}", "7:18 KG217"),
        ("{set: {}}", "7:5 KG217"),
        ("{at: answer, before: ask, set: {}}", "7:18 KG215"),
        ("{at: answer, set: {mask: fax}}", "7:30 KG213"),
        ("{at: answer, set: {msk: phone}}", "7:24 KG214"),
        ("{at: answer, locked: true, set: {}}", "7:18 KG214"),
        ("{at: answer, mode: shdow}", "7:24 KG213"),
        ("{at: answer, when: {role: [vewer]}}", "7:32 KG305"),
        ("answer", "7:5 KG211"),
    ],
)
def test_what_a_tenant_may_not_do_is_an_error_at_its_place(
    load: Load, good: str, acme: str, change: str, problem: str
) -> None:
    loaded = load(good, acme.replace(LAST, f"  - {change}\n"))
    assert [f"{each.span.line}:{each.span.column} {each.code.name}" for each in loaded.diagnostics] == [problem]


def test_a_mistake_of_the_gateway_is_told_once_though_tenants_change_its_step(load: Load, good: str, acme: str) -> None:
    assert good.count("    id: answer\n") == 1
    wrong = good.replace("    id: answer\n", "    id: answer\n    when: {roles: [viewer]}\n")
    assert [each.code.name for each in load(wrong, acme).diagnostics] == ["KG214"]


def test_mappings_merge_by_key_and_lists_are_replaced(node: Callable[[str], Mapping]) -> None:
    below, above = node("a: {b: 1, c: [1, 2]}\nd: 1\n"), node("\na: {c: [3], e: 5}\n")
    both = merged(below, above)
    assert plain(both) == {"a": {"b": 1, "c": [3], "e": 5}, "d": 1}
    assert plain(below) == {"a": {"b": 1, "c": [1, 2]}, "d": 1}


def test_every_value_keeps_the_place_that_it_came_from(node: Callable[[str], Mapping]) -> None:
    both = merged(node("a: {b: 1, c: 2}\n"), node("\n\na: {c: 3}\n"))
    assert isinstance(both, Mapping)
    inner = both.get("a")
    assert isinstance(inner, Mapping)
    assert [inner.entries[key].value.span.line for key in ("b", "c")] == [1, 3]
