from __future__ import annotations

import pytest
from msgspec.structs import replace

from kapagate.chain.fact import Fact
from kapagate.chain.fitness import Finding, findings
from kapagate.chain.options import Options
from kapagate.chain.principal import PRINCIPAL, TENANT
from kapagate.chain.step import Step
from kapagate.filters.guard_answer import GuardAnswer

QUOTA: Fact[int] = Fact("quota")


def placed(lab, name: str, options=None, **step):
    return lab.placed(name, options=options, step=Step(**{key: sets(value) for key, value in step.items()}))


def sets(value):
    return value if isinstance(value, dict) else frozenset(value)


def test_a_good_policy_has_no_findings(lab) -> None:
    gate = [placed(lab, "door"), placed(lab, "identify", writes=[PRINCIPAL, TENANT])]
    chain = [
        placed(lab, "rbac", reads=[PRINCIPAL]),
        placed(lab, "ask", needs={"question": "pii"}),
        placed(lab, "answer", {"when": {"route": ["chat"], "method": ["POST"]}}, needs={"answer text": "pii"}),
        placed(lab, "reads", {"when": {"method": ["HEAD"]}}),
    ]
    routes = [
        lab.route(),
        lab.route(name="feedback", shows=frozenset({"question"})),
        lab.route(name="crm", methods=frozenset({"GET"}), shows=frozenset()),
        lab.route(name="hooks", shows=frozenset(), hides=frozenset({"question"}), on_uninspectable="pass"),
    ]
    assert findings(gate, chain, routes) == []


def test_a_fact_that_nobody_finds_out_is_a_finding(lab) -> None:
    (found,) = findings([], [placed(lab, "rbac", reads=[PRINCIPAL])], [lab.route()])
    assert found.step == "rbac"
    assert "no earlier step" in found.message
    assert "principal" in found.message


def test_a_fact_that_is_found_out_later_names_the_step_to_move(lab) -> None:
    chain = [placed(lab, "limit", reads=[TENANT]), placed(lab, "who", writes=[TENANT])]
    (found,) = findings([], chain, [lab.route()])
    assert found == Finding("limit", 'needs to know the tenant, which step "who" finds out later: move "who" before it')


@pytest.mark.parametrize(
    "options", [{"when": {"role": ["viewer"]}}, {"mode": "shadow"}, {"on_error": "allow"}, {"mode": "off"}]
)
def test_a_fact_that_is_not_found_out_for_every_request_is_a_finding(lab, options) -> None:
    gate = [placed(lab, "who", options, writes=[PRINCIPAL])]
    (found,) = findings(gate, [placed(lab, "rbac", reads=[PRINCIPAL])], [lab.route()])
    assert found.step == "rbac"


def test_a_shadow_makes_no_demands_of_a_route_that_hides_what_it_guards(lab) -> None:
    hides = lab.route(shows=frozenset(), hides=frozenset({"answer text"}), on_uninspectable="error")
    needs = {"needs": {"answer text": "pii"}}
    assert findings([], [lab.placed("watch", options={"mode": "shadow"}, **needs)], [hides]) == []
    assert len(findings([], [lab.placed("guard", **needs)], [hides])) == 1


def test_missing_facts_are_told_in_a_stable_order(lab) -> None:
    found = findings([], [placed(lab, "rbac", reads=[TENANT, QUOTA, PRINCIPAL])], [lab.route()])
    assert [each.message.split()[4].rstrip(",") for each in found] == ["principal", "quota", "tenant"]


def test_a_step_may_read_what_it_writes_only_when_somebody_wrote_it_before(lab) -> None:
    step = placed(lab, "count", reads=[QUOTA], writes=[QUOTA])
    assert len(findings([], [step], [lab.route()])) == 1


def test_a_step_that_is_off_needs_nothing(lab) -> None:
    off = placed(lab, "rbac", {"mode": "off", "when": {"route": ["nowhere"]}}, reads=[PRINCIPAL])
    assert findings([], [off], [lab.route()]) == []


def test_an_unknown_route_is_a_finding_at_its_place_and_nothing_more(lab) -> None:
    step = placed(lab, "ask", {"when": {"route": ["chat", "chta"]}}, needs={"question": "pii"})
    assert findings([], [step], [lab.route()]) == [Finding("ask", '"chta" is no route', ("when", "route", 1))]
    lost = placed(lab, "ask", {"when": {"route": ["chta"]}})
    assert [each.option for each in findings([], [lost], [lab.route()])] == [("when", "route", 0)]


@pytest.mark.parametrize("when", [{"method": ["DELETE"]}, {"route": ["chat"], "method": ["GET"]}, {"method": ["HEAD"]}])
def test_a_step_that_is_meant_for_no_request_can_never_act(lab, when) -> None:
    (found,) = findings([], [placed(lab, "ask", {"when": when})], [lab.route()])
    assert (found.step, found.option) == ("ask", ("when",))
    assert "can never act" in found.message


def test_a_guard_without_anything_to_guard_can_never_act(lab) -> None:
    guard = placed(lab, "guard", needs={"sources": "sources.min", "uncertainty": "confidence"})
    (found,) = findings([], [guard], [lab.route(shows=frozenset({"question"}))])
    assert "none of its routes has what it guards (sources, uncertainty)" in found.message


def test_a_guard_that_acts_on_one_route_may_have_nothing_to_guard_on_another(lab) -> None:
    guard = placed(lab, "guard", needs={"sources": "sources.min"})
    assert findings([], [guard], [lab.route(), lab.route(name="feedback", shows=frozenset())]) == []


def test_a_guard_whose_text_is_hidden_is_a_finding_at_the_route(lab) -> None:
    guard = placed(lab, "guard", needs={"answer text": "pii"})
    crm = lab.route(name="crm", shows=frozenset(), hides=frozenset({"answer text", "question"}))
    (found,) = findings([], [guard], [lab.route(), crm])
    assert (found.step, found.option, found.route) == ("guard", ("pii",), "crm")
    assert "text: [...]" in found.message


def test_a_hidden_text_outside_of_the_steps_routes_is_no_finding(lab) -> None:
    guard = placed(lab, "guard", {"when": {"route": ["chat"]}}, needs={"answer text": "pii"})
    crm = lab.route(name="crm", shows=frozenset(), hides=frozenset({"answer text"}))
    assert findings([], [guard], [lab.route(), crm]) == []


def test_a_guard_of_the_whole_answer_is_a_finding_where_answers_stream(lab) -> None:
    guard = placed(lab, "guard", needs={"whole answer": "withhold"})
    stream = lab.route(name="stream", shows=frozenset({"answer text"}), hides=frozenset({"whole answer"}))
    (found,) = findings([], [guard], [lab.route(), stream])
    assert (found.option, found.route) == (("withhold",), "stream")
    assert "stream: buffer" in found.message


def test_a_hidden_surface_is_a_finding_also_where_answers_are_never_whole(lab) -> None:
    """What is asked of a whole answer says nothing of whether its sources can be seen."""
    guard = placed(lab, "guard", needs={"sources": "sources", "whole answer": "sources"})
    hides = lab.route(name="kapa.tools", shows=frozenset({"answer text"}), hides=frozenset({"sources"}))
    (found,) = findings([], [guard], [hides])
    assert '`sources` cannot be enforced on route "kapa.tools", which hides the sources' in found.message
    shows = lab.route(name="kapa.list", shows=frozenset({"answer text", "sources"}))
    assert findings([], [guard], [shows]) == []


def test_everything_is_found_at_once(lab) -> None:
    chain = [
        placed(lab, "rbac", {"when": {"route": ["nowhere"]}}, reads=[PRINCIPAL]),
        placed(lab, "guard", needs={"answer text": "pii"}),
        placed(lab, "late", {"when": {"method": ["PUT"]}}),
    ]
    route = lab.route(shows=frozenset(), hides=frozenset({"answer text"}))
    assert [each.step for each in findings([], chain, [route])] == ["rbac", "rbac", "guard", "late"]


def test_a_step_of_a_policy_without_routes_is_told_so(lab) -> None:
    (found,) = findings([], [lab.placed("one")], [])
    assert (found.message, found.option) == ("can never act: the policy has no routes", ())


def test_facts_come_in_order_in_every_routes_own_gate(lab) -> None:
    chain = [placed(lab, "rbac", reads=[PRINCIPAL])]
    who = placed(lab, "who", writes=[PRINCIPAL])
    assert findings([], chain, [lab.route(gate=(who,))]) == []
    assert findings([who], chain, [lab.route(), lab.route(gate=(who,))]) == []
    (found,) = findings([who], chain, [lab.route(), lab.route(name="hooks", gate=())])
    assert (found.step, found.route) == ("rbac", "hooks")
    assert "no earlier step" in found.message


def test_the_gateways_gate_is_in_order_even_when_every_route_has_its_own(lab) -> None:
    who = placed(lab, "who", writes=[PRINCIPAL])
    (found,) = findings([placed(lab, "limit", reads=[PRINCIPAL])], [], [lab.route(gate=(who,))])
    assert found.step == "limit"


def test_a_step_that_reads_who_asks_is_for_routes_that_ask(lab) -> None:
    who, route = placed(lab, "who", writes=[PRINCIPAL]), lab.route(name="open", public=True, gate=())
    (found,) = findings([who], [placed(lab, "rbac", reads=[PRINCIPAL])], [lab.route(), route])
    assert (found.step, found.route) == ("rbac", "open")
    assert "`when: {public: false}`" in found.message
    for when in ({"public": False}, {"role": ["viewer"]}):
        assert findings([who], [placed(lab, "rbac", {"when": when}, reads=[PRINCIPAL])], [lab.route(), route]) == []


def test_what_is_locked_is_not_to_be_got_around(lab) -> None:
    session = lab.route(name="session", operation="agent_session", shows=frozenset(), evades=True)
    routes = [lab.route(), session]
    (found,) = findings([], [placed(lab, "answer", {"locked": True}, needs={"answer text": "pii"})], routes)
    assert (found.step, found.route) == ("answer", "session")
    assert "`agent_session: unguarded`" in found.message


@pytest.mark.parametrize(
    ("options", "needs"),
    [({}, {"answer text": "pii"}), ({"locked": True}, {"question": "pii"}), ({"locked": True}, {})],
)
def test_what_is_not_locked_or_guards_no_answers_may_be_got_around(lab, options, needs) -> None:
    session = lab.route(name="session", shows=frozenset(), evades=True)
    assert findings([], [placed(lab, "answer", options, needs=needs)], [lab.route(), session]) == []


def test_a_lock_for_some_routes_is_got_around_as_well(lab) -> None:
    guard = placed(lab, "answer", {"locked": True, "when": {"route": ["chat"]}}, needs={"answer text": "pii"})
    session = lab.route(name="session", shows=frozenset(), evades=True)
    assert [found.route for found in findings([], [guard], [lab.route(), session])] == ["session"]


@pytest.mark.parametrize(
    ("others", "mend"),
    [
        ((), "; no route of the policy has; leave the option out"),
        (("elsewhere",), '; let the step act on a route that has, such as "elsewhere", or leave the option out'),
    ],
)
def test_an_option_that_can_act_on_no_route_of_its_step_is_a_finding_at_its_place(lab, others, mend) -> None:
    answer = replace(
        placed(lab, "answer", {"when": {"route": ["chat"]}}, needs={"answer text": "pii", "running text": "code"}),
        declaration=GuardAnswer(pii="redact", code="remove", sources={"min": 1}),
    )
    routes = [
        lab.route(shows=frozenset({"answer text"}), hides=frozenset({"sources"}), on_uninspectable="pass"),
        *(lab.route(name=name) for name in others),
    ]
    code, least = findings([], [answer], routes)
    assert code.option == ("code",)
    assert code.message == f'`code` can never act: routes "chat" have no running text{mend}'
    assert least.option == ("sources", "min")
    assert findings([], [replace(answer, options=Options())], [*routes, lab.route(name="another")]) == []
