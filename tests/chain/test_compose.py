from __future__ import annotations

import pytest
from pydantic import ValidationError

from kapagate.answer.rules import AnswerRules
from kapagate.chain.compose import Placed, Steps, compose
from kapagate.chain.route import METHODS
from kapagate.chain.upstream import Innermost


def names(hooks) -> list[str]:
    return [name for name, _ in hooks]


def test_hooks_are_sorted_by_phase_and_order(lab) -> None:
    chain = compose([lab.placed("door")], [lab.placed("one"), lab.placed("two")], lab.route(), "POST")
    assert chain.steps == ("door", "one", "two")
    assert names(chain.gate) == ["door"]
    assert names(chain.request) == ["one", "two"]
    for phase in (chain.answer, chain.opening, chain.seal):
        assert names(phase) == ["two", "one", "door"]
    assert names(chain.done) == ["door", "one", "two"]


def test_steps_appear_only_in_the_phases_for_which_they_have_hooks(lab) -> None:
    chain = compose([], [lab.placed("one", only=["opening"]), lab.placed("two", only=["done"])], lab.route(), "POST")
    assert (chain.request, chain.answer, chain.seal) == ((), (), ())
    assert (names(chain.opening), names(chain.done)) == (["one"], ["two"])


def test_a_chain_of_nothing_inspects_nothing(lab) -> None:
    assert not compose([], [], lab.route(), "POST").inspects
    assert not compose([], [lab.placed("one", only=["request"])], lab.route(), "POST").inspects
    assert compose([], [lab.placed("one", only=["answer"])], lab.route(), "POST").inspects


def test_a_shadow_does_not_make_its_route_inspected(lab) -> None:
    watching, reading = lab.placed("one", options={"mode": "shadow"}), lab.placed("two")
    alone, both = (compose([], steps, lab.route(), "POST") for steps in ([watching], [watching, reading]))
    assert (names(alone.answer), alone.inspects) == (["one"], False)
    assert (names(both.answer), both.inspects) == (["two", "one"], True)


def test_nothing_waits_for_the_seal_of_a_shadow_alone(lab) -> None:
    watching, sealing = lab.placed("one", options={"mode": "shadow"}), lab.placed("two")
    alone, both = (compose([], steps, lab.route(), "POST") for steps in ([watching], [watching, sealing]))
    assert (names(alone.seal), names(both.seal)) == ([], ["two", "one"])


@pytest.mark.parametrize(("shows", "inspects"), [({"question"}, False), ((), False), ({"answer text"}, True)])
def test_answers_that_show_nothing_are_not_inspected(lab, shows, inspects: bool) -> None:
    chain = compose([], [lab.placed("one")], lab.route(shows=frozenset(shows)), "POST")
    assert chain.inspects is inspects
    assert bool(chain.answer) is inspects


@pytest.mark.parametrize("options", [{}, {"mode": "shadow"}, {"when": {"route": ["crm"]}}, {"on_error": "allow"}])
def test_asserted_names_are_known_whatever_the_options_say(lab, options) -> None:
    step = lab.placed("one", options=options, asserts=frozenset({b"x-tenant"}))
    assert compose([], [step], lab.route(), "POST").asserts == {b"x-tenant"}


def test_a_chain_is_composed_once_per_route_and_method(lab) -> None:
    steps = Steps([], [lab.placed("one")])
    route, other = lab.route(methods=frozenset({"GET", "POST"})), lab.route(name="other")
    assert steps.composed(route, "POST") is steps.composed(route, "POST")
    assert steps.composed(route, "POST") is not steps.composed(other, "POST")


def test_methods_that_nobody_knows_share_one_chain(lab) -> None:
    steps, route = Steps([], []), lab.route()
    assert steps.composed(route, "BREW") is steps.composed(route, "STIR")


def test_no_step_is_meant_for_a_method_that_nobody_knows(lab) -> None:
    steps = Steps([lab.placed("door", options={"when": {"method": sorted(METHODS)}})], [])
    assert names(steps.composed(lab.route(), "BREW").gate) == []
    with pytest.raises(ValidationError):
        lab.placed("door", options={"when": {"method": ["BREW"]}})


@pytest.mark.parametrize("first", ["POST", "DELETE", "BREW"])
def test_a_chain_does_not_depend_on_who_asked_first(lab, first: str) -> None:
    steps = Steps([lab.placed("door", options={"when": {"method": ["POST"]}})], [])
    route = lab.route(methods=frozenset(), found=False)
    steps.composed(route, first)
    assert names(steps.composed(route, "POST").gate) == ["door"]
    assert names(steps.composed(route, "DELETE").gate) == []
    assert names(steps.composed(route, "BREW").gate) == []


def test_a_route_that_only_refuses_runs_the_gate_and_no_request_hook_of_the_chain(lab) -> None:
    chain = compose([lab.placed("door")], [lab.placed("one")], lab.route(found=False), "POST")
    assert (names(chain.gate), chain.request) == (["door"], ())
    assert names(chain.done) == ["door", "one"]


def test_a_step_is_wrapped_once_for_all_chains(lab) -> None:
    placed = lab.placed("one", options={"mode": "shadow"})
    one = compose([placed], [], lab.route(), "POST")
    other = compose([placed], [lab.placed("two")], lab.route(name="crm"), "POST")
    assert one.gate == other.gate


def test_a_step_without_options_acts_as_it_was_compiled(lab) -> None:
    step = lab.step("one", only=["request", "done"])
    assert Placed("one", "one", step, lab.placed("x").options).acting is step


def test_rules_carry_the_id_of_their_step_and_are_signed_once(lab) -> None:
    rules = AnswerRules(texts=(lab.Replace("x"),))
    chain = compose([], [lab.placed("mine", answer=rules)], lab.route(), "POST")
    (_, hook), ex = chain.answer[0], lab.exchange()
    first = hook(ex)
    assert (first.step, first.texts) == ("mine", rules.texts)
    assert hook(ex) is first


def test_rules_that_differ_from_answer_to_answer_are_signed_each(lab) -> None:
    given = [AnswerRules(texts=(lab.Replace("x"),)), None, AnswerRules(texts=(lab.Replace("y"),))]
    chain = compose([], [lab.placed("mine", answer=lambda ex: given.pop(0))], lab.route(), "POST")
    _, hook = chain.answer[0]
    signed = [hook(lab.exchange()) for _ in range(3)]
    assert [each and each.texts[0].word for each in signed] == ["x", None, "y"]
    assert {each.step for each in signed if each} == {"mine"}


def test_a_routes_own_gate_stands_for_the_gateways(lab) -> None:
    own = lab.placed("own", asserts=frozenset({b"x-own"}))
    route = lab.route(gate=(own,), asserts=frozenset({b"x-elsewhere"}))
    chain = compose([lab.placed("door", asserts=frozenset({b"x-door"}))], [lab.placed("one")], route, "POST")
    assert names(chain.gate) == ["own"]
    assert chain.steps == ("own", "one")
    assert chain.asserts == {b"x-own", b"x-door", b"x-elsewhere"}


def test_an_upstreams_own_step_is_behind_the_policys_on_the_way_in_and_before_them_on_the_way_out(lab) -> None:
    inner = Innermost("toy.own", on_request=identified, on_answer=lambda ex: None, on_identifiers=identified)
    chain = compose([], [lab.placed("one")], lab.route(innermost=inner), "POST")
    assert (names(chain.request), names(chain.answer)) == (["one", "toy.own"], ["toy.own", "one"])
    assert chain.identifiers == ("toy.own", identified)
    assert chain.steps == ("one",)


def test_an_upstreams_own_step_looks_into_answers_that_show_nothing_to_others(lab) -> None:
    route = lab.route(shows=frozenset(), innermost=Innermost("toy.own", on_answer=lambda ex: AnswerRules()))
    chain = compose([], [lab.placed("one")], route, "POST")
    assert (names(chain.answer), chain.inspects) == (["toy.own"], True)
    assert chain.answer[0][1](lab.exchange()).step == "toy.own"


def test_without_an_upstreams_own_step_nothing_is_added(lab) -> None:
    chain = compose([], [lab.placed("one")], lab.route(), "POST")
    assert (names(chain.request), chain.identifiers) == (["one"], None)


async def identified(ex, identifiers=None) -> None:
    return
