from __future__ import annotations

import pytest
from pydantic import ValidationError

from kapagate.answer.rules import AnswerRules
from kapagate.chain import problems
from kapagate.chain.options import Options, When
from kapagate.chain.problem import BackendFailed, Gone, Problem

PHASES = ["request", "answer", "opening", "seal", "done"]
FAILING = ["request", "answer", "opening", "seal"]


@pytest.mark.parametrize(
    ("when", "method", "covered"),
    [
        ({}, "POST", True),
        ({"route": ["chat"]}, "POST", True),
        ({"route": ["route.chat"]}, "POST", True),
        ({"route": ["crm", "chat"]}, "POST", True),
        ({"route": ["crm"]}, "POST", False),
        ({"method": ["POST", "PUT"]}, "POST", True),
        ({"method": ["PUT"]}, "POST", False),
        ({"route": ["chat"], "method": ["PUT"]}, "POST", False),
        ({"method": ["GET"]}, "HEAD", True),
        ({"method": ["HEAD"]}, "GET", False),
        ({"public": False}, "POST", True),
        ({"public": True}, "POST", False),
        ({"public": False, "route": ["crm"]}, "POST", False),
    ],
)
def test_when_lists_are_or_and_its_keys_are_and(lab, when, method: str, covered: bool) -> None:
    assert When.model_validate(when).covers(lab.route(), method) is covered


def test_a_step_may_be_for_public_routes_alone_or_for_none(lab) -> None:
    route = lab.route(public=True)
    assert When(public=True).covers(route, "POST")
    assert not When(public=False).covers(route, "POST")


@pytest.mark.parametrize(
    "options",
    [
        {"when": {"route": []}},
        {"when": {"path": ["/"]}},
        {"mode": "dry"},
        {"on_error": "ignore"},
        {"id": "Ask"},
        {"id": ""},
        {"extra": 1},
    ],
)
def test_options_are_strict(options) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(options)


@pytest.mark.parametrize(
    ("options", "unconditional"),
    [
        ({}, True),
        ({"id": "ask", "locked": True}, True),
        ({"when": {"role": ["viewer"]}}, False),
        ({"mode": "shadow"}, False),
        ({"mode": "off"}, False),
        ({"on_error": "allow"}, False),
    ],
)
def test_facts_of_a_step_that_may_not_act_are_no_ground_to_stand_on(options, unconditional: bool) -> None:
    assert Options.model_validate(options).unconditional is unconditional


async def test_a_step_that_is_off_runs_in_no_phase(lab) -> None:
    ex = await lab.run([], [lab.placed("one", options={"mode": "off"}, request=RuntimeError("bug"))])
    assert lab.log == []
    assert "one" not in ex.verdicts


@pytest.mark.parametrize("when", [{"route": ["crm"]}, {"method": ["GET"]}, {"route": ["chat"], "method": ["GET"]}])
async def test_a_step_for_other_requests_runs_in_no_phase(lab, when) -> None:
    await lab.run([], [lab.placed("one", options={"when": when})])
    assert lab.log == []


async def test_a_step_for_reads_is_not_passed_by_with_head(lab) -> None:
    route = lab.route(methods=frozenset({"GET"}))
    refusing = lab.placed("one", options={"when": {"method": ["GET"]}}, request=Problem(problems.FORBIDDEN, "no"))
    ex = await lab.run([], [refusing], route=route, method="HEAD")
    assert ex.status == 403


async def test_a_step_for_a_role_runs_in_every_phase_for_callers_with_it(lab) -> None:
    step = lab.placed("one", options={"when": {"role": ["admin", "viewer"]}})
    await lab.run([lab.identify("viewer", "other")], [step])
    assert lab.phases("one") == PHASES


@pytest.mark.parametrize("roles", [[], ["other"]])
async def test_a_step_for_a_role_is_skipped_in_every_phase_for_other_callers(lab, roles) -> None:
    step = lab.placed("one", options={"when": {"role": ["admin"]}})
    ex = await lab.run([lab.identify(*roles)], [step])
    assert lab.phases("one") == []
    assert (ex.verdicts["one"].outcome, ex.verdicts["one"].reason) == ("skipped", "when")


async def test_a_step_for_a_role_is_skipped_where_nobody_is_known(lab) -> None:
    await lab.run(
        [lab.placed("door", request=Problem(problems.FORBIDDEN, "no"))],
        [lab.placed("one", options={"when": {"role": ["admin"]}})],
    )
    assert lab.phases("one") == []


async def test_a_step_for_a_role_that_only_looks_at_answers_says_that_it_was_skipped(lab) -> None:
    step = lab.placed("one", options={"when": {"role": ["admin"]}}, only=["answer"])
    ex = await lab.run([lab.identify()], [step])
    assert ex.verdicts["one"].outcome == "skipped"


@pytest.mark.parametrize("phase", FAILING)
@pytest.mark.parametrize("cause", [RuntimeError("bug"), BackendFailed("down")])
async def test_a_failure_is_passed_over_where_the_policy_allows_it(lab, caplog, phase: str, cause: Exception) -> None:
    step = lab.placed("one", options={"on_error": "allow"}, **{phase: cause})
    ex = await lab.run([], [step, lab.placed("two")])
    assert lab.sink.head.status == 200
    assert lab.sink.body == b"fine"
    assert lab.phases("one") == PHASES
    assert lab.phases("two") == PHASES
    assert (ex.verdicts["one"].outcome, ex.verdicts["one"].reason) == ("skipped", "failed")
    assert "one" in caplog.text


@pytest.mark.parametrize("phase", FAILING)
async def test_a_refusal_is_never_passed_over(lab, phase: str) -> None:
    refusal = Problem(problems.FORBIDDEN, "no")
    ex = await lab.run([], [lab.placed("one", options={"on_error": "allow"}, **{phase: refusal})])
    assert lab.sink.problem["status"] == 403
    assert ex.verdicts["one"].outcome == "refused"


@pytest.mark.parametrize("phase", ["request", "opening", "seal"])
async def test_a_client_that_left_is_never_passed_over(lab, phase: str) -> None:
    ex = await lab.run([], [lab.placed("one", options={"on_error": "allow"}, **{phase: Gone()})])
    assert isinstance(ex.broken, Gone)


async def test_a_text_rule_that_fails_leaves_the_answer_where_the_policy_allows_it(lab) -> None:
    step = lab.placed("one", options={"on_error": "allow"}, answer=AnswerRules(texts=(lab.Broken(),)))
    ex = await lab.run([], [step])
    assert lab.sink.body == b"fine"
    assert ex.report.steps["one"].skipped is not None
    assert not ex.report.enforced("one")


async def test_a_lenient_step_still_answers_and_still_rules(lab) -> None:
    step = lab.placed("one", options={"on_error": "allow"}, answer=AnswerRules(texts=(lab.Replace("fine", "good"),)))
    await lab.run([], [step])
    assert lab.sink.body == b"good"


@pytest.mark.parametrize("options", [{"on_error": "allow"}, {"mode": "shadow"}, {"when": {"role": ["viewer"]}}])
def test_options_give_a_step_no_hooks_that_it_had_not(lab, options) -> None:
    acting = lab.placed("one", options=options, only=["done"]).acting
    hooks = [acting.on_request, acting.on_answer, acting.on_opening, acting.on_seal]
    assert hooks == [None] * 4
    assert acting.on_done is not None
