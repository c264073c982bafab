from __future__ import annotations

import pytest

from kapagate.chain.compose import Steps
from kapagate.chain.generation import Generation, Live
from kapagate.chain.principal import Tenant
from kapagate.chain.problem import Problem
from kapagate.chain.route import Route


def test_tenants_with_equal_steps_share_their_chain(lab) -> None:
    shared = Steps([], [lab.placed("special")])
    generation, route = lab.generation([], [lab.placed("one")]), lab.route()
    acme, globex = Tenant("acme", steps=shared), Tenant("globex", steps=shared)
    assert generation.chain(route, "POST", acme) is generation.chain(route, "POST", globex)
    assert generation.chain(route, "POST", acme).steps == ("special",)


def test_tenants_without_steps_of_their_own_have_the_gateways(lab) -> None:
    generation, route = lab.generation([], [lab.placed("one")]), lab.route()
    assert generation.chain(route, "POST", Tenant("acme")) is generation.stranger(route, "POST")
    assert generation.stranger(route, "POST").steps == ("one",)


def test_a_generation_matches_its_routes(lab) -> None:
    route = lab.route(template="/chat/{id}")
    generation = Generation(routes=[route], steps=Steps([], []), tenants={}, policy="abc")
    assert generation.match("POST", "/chat/7") == (route, {"id": "7"})
    assert generation.policy == "abc"


def test_what_a_target_means_is_looked_up_once(lab) -> None:
    route = lab.route(template="/chat/{id}")
    generation = Generation(routes=[route], steps=Steps([], [lab.placed("one")]), tenants={}, policy="")
    meant = generation.meant("POST", b"/chat/%37?full=1")
    assert meant == ("/chat/7", "full=1", route, {"id": "7"}, generation.stranger(route, "POST"))
    assert generation.meant("POST", b"/chat/%37?full=1") is meant
    assert generation.meant("GET", b"/chat/%37?full=1").route.found is False


def test_targets_that_lead_nowhere_or_are_long_are_not_remembered(lab) -> None:
    generation = lab.generation()
    long = b"/?" + b"x" * 256
    for target in (b"/nowhere", long):
        assert generation.meant("POST", target) is not generation.meant("POST", target)


def test_what_is_remembered_is_bounded(lab) -> None:
    route = lab.route(template="/chat/{id}")
    generation = Generation(routes=[route], steps=Steps([], []), tenants={}, policy="")
    first = generation.meant("POST", b"/chat/0")
    for number in range(1, 1025):
        generation.meant("POST", b"/chat/%d" % number)
    assert generation.meant("POST", b"/chat/0") is not first


def test_a_reload_swaps_one_reference(lab) -> None:
    old, new = lab.generation(), lab.generation()
    live = Live(old)
    live.generation = new
    assert live.generation is new


def test_the_path_of_an_opaque_route_is_meant_as_it_came() -> None:
    files = Route("files", frozenset({"GET"}), "/files/{rest:*}", "route.files", "files", opaque=True)
    generation = Generation(routes=[files], steps=Steps([], []), tenants={}, policy="")
    path, query, route, params, _ = generation.meant("GET", b"/files/a%2Fb//%7E;v=1?x")
    assert (path, query, route, params) == ("/files/a%2Fb//%7E;v=1", "x", files, {"rest": "a%2Fb//%7E;v=1"})
    for target in (b"/other/a%2Fb", b"/files/../other/x"):
        with pytest.raises(Problem, match="malformed-path"):
            generation.meant("GET", target)
