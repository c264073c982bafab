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
    assert old.live is live
    assert new.live is None
    live.put(new)
    assert new.live is live
    assert live.generation is new


def test_the_path_of_an_opaque_route_is_meant_as_it_came() -> None:
    files = Route("files", frozenset({"GET"}), "/files/{rest:*}", "route.files", "files", opaque=True)
    generation = Generation(routes=[files], steps=Steps([], []), tenants={}, policy="")
    path, query, route, params, _ = generation.meant("GET", b"/files/a%2Fb//%7E;v=1?x")
    assert (path, query, route, params) == ("/files/a%2Fb//%7E;v=1", "x", files, {"rest": "a%2Fb//%7E;v=1"})
    for target in (b"/other/a%2Fb", b"/files/../other/x"):
        with pytest.raises(Problem, match="malformed-path"):
            generation.meant("GET", target)


def test_a_preflight_means_the_gate_of_the_route_that_it_announces(lab) -> None:
    own = lab.placed("own")
    route = lab.route(template="/chat/{id}", gate=(own,), public=True)
    generation = Generation(
        routes=[route], steps=Steps([lab.placed("door")], [lab.placed("one")]), tenants={}, policy=""
    )
    meant = generation.preflight("POST", b"/chat/%37?full=1")
    assert (meant.path, meant.query, meant.params) == ("/chat/7", "full=1", {"id": "7"})
    assert meant.chain.steps == ("own", "one")
    assert meant.chain.request == ()
    door = meant.route
    assert (door.name, door.template, door.permission, door.operation) == (
        route.name,
        route.template,
        route.permission,
        "preflight",
    )
    assert (door.found, door.upstream, door.public) == (False, None, True)
    assert generation.preflight("POST", b"/chat/8").route is door


@pytest.mark.parametrize("announced", ["GET", "post", "", "BREW"])
def test_a_preflight_for_what_no_route_takes_means_what_options_means(lab, announced: str) -> None:
    generation = lab.generation([lab.placed("door")])
    meant = generation.preflight(announced, b"/chat")
    assert (meant.route.name, meant.route.found, meant.chain.steps) == ("other", False, ("door",))


def test_a_route_that_takes_options_itself_goes_before_a_preflight(lab) -> None:
    route, options = lab.route(), lab.route(name="options", methods=frozenset({"OPTIONS"}))
    generation = Generation(routes=[route, options], steps=Steps([], []), tenants={}, policy="")
    assert generation.preflight("POST", b"/chat").route is options


async def test_behind_the_gate_a_preflight_is_refused(lab) -> None:
    generation = lab.generation()
    door = generation.preflight("POST", b"/chat").route
    assert door.serve is not None
    with pytest.raises(Problem, match="method-not-allowed") as refused:
        await door.serve(lab.exchange())
    assert refused.value.allow == ("POST",)
