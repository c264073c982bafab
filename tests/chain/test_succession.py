from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kapagate.chain.generation import Live
from kapagate.chain.options import Options, When
from kapagate.chain.principal import PRINCIPAL, TENANT, Principal, Tenant
from kapagate.chain.succession import Succession, succession


def asked(lab: Any, before: list[Any], after: list[Any], **changes: Any) -> dict[str, bool]:
    """What is switched off of an exchange that began with the one chain when the other comes into force."""
    old = lab.generation([], before, [lab.route()])
    live = Live(old)
    ex = lab.exchange()
    ex.generation = old
    ex.put(PRINCIPAL, Principal("ann", "acme", roles=("viewer",)))
    switches = succession(ex)
    assert isinstance(switches, Succession)
    assert switches.live.generation is switches.known
    new = lab.generation([], after, changes.get("routes", [lab.route()]))
    live.put(new)
    assert switches.live.generation is not switches.known
    found = dict(switches.off())
    assert switches.known is new
    return found


def placed(lab: Any, name: str = "one", **options: Any) -> Any:
    made = lab.placed(name)
    return replace(made, options=Options(**options))


def test_what_stands_as_it_did_is_not_switched_off(lab: Any) -> None:
    assert asked(lab, [placed(lab)], [placed(lab), placed(lab, "two")]) == {}


@pytest.mark.parametrize(
    "options",
    [{"mode": "off"}, {"mode": "shadow"}, {"when": When(role=("operator",))}, {"when": When(route=("elsewhere",))}],
)
@pytest.mark.parametrize("before", ["deny", "allow"])
@pytest.mark.parametrize("after", ["deny", "allow"])
def test_what_would_enforce_nothing_here_is_and_on_error_says_what_then(
    lab: Any, options: dict[str, Any], before: str, after: str
) -> None:
    found = asked(lab, [placed(lab, on_error=before)], [placed(lab, on_error=after, **options)])
    assert found == {"one": "allow" in (before, after)}


def test_what_is_gone_is_switched_off_unless_another_of_its_kind_came(lab: Any) -> None:
    assert asked(lab, [placed(lab)], []) == {"one": False}
    assert asked(lab, [placed(lab)], [placed(lab, "two")]) == {"one": False}
    renamed = replace(placed(lab), id="renamed")
    assert asked(lab, [placed(lab)], [renamed]) == {}
    assert asked(lab, [placed(lab), renamed], [renamed]) == {"one": False}, "that one stood there before"
    assert asked(lab, [placed(lab)], [replace(renamed, options=Options(mode="shadow"))]) == {"one": False}


def test_a_shadow_cannot_be_switched_off(lab: Any) -> None:
    assert asked(lab, [placed(lab, mode="shadow")], []) == {}


def test_where_the_route_or_the_tenant_is_gone_nothing_is_switched_off(lab: Any) -> None:
    assert asked(lab, [placed(lab)], [], routes=[replace(lab.route(), name="another")]) == {}
    old = lab.generation([], [placed(lab)], [lab.route()])
    live = Live(old)
    ex = lab.exchange()
    ex.generation = old
    ex.put(TENANT, Tenant("gone"))
    switches = Succession(ex, live)
    live.put(lab.generation([], [], [lab.route()]))
    assert dict(switches.off()) == {}


def test_a_generation_that_was_never_in_force_has_no_successor(lab: Any) -> None:
    ex = lab.exchange()
    ex.generation = lab.generation()
    assert succession(ex) is None
