from __future__ import annotations

from typing import Any

import pytest

from kapagate.answer.rules import AnswerRules
from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.chain.run import run as engine
from kapagate.ledger import shadows as module
from kapagate.ledger.shadows import SAMPLES, Shadows
from tests.chain.conftest import Lab

SHADOW = {"mode": "shadow"}


@pytest.fixture
def lab() -> Lab:
    return Lab()


async def run(lab: Lab, shadows: Shadows, *steps: Any, decision: str = "d" * 32) -> None:
    """An exchange of a tenant that is known."""
    ex = lab.exchange([lab.identify()], steps)
    ex.generation.watcher = shadows
    ex.decision = decision
    lab.hop.answer, lab.sink = lab.inbound(b"fine"), lab.Sink()
    await engine(ex, lab.sink, lab.clock)


def refusal(rule: str | None = None) -> Problem:
    return Problem(problems.QUESTION_REFUSED, "no", members={"rule": rule} if rule else {})


def only(shadows: Shadows, now: float = 1_700_000_000.0) -> Any:
    (found,) = shadows.document(now)["shadows"]
    return found


async def test_what_would_be_refused_is_counted_by_tenant_step_and_rule(lab: Lab) -> None:
    shadows = Shadows(0.0)
    await run(lab, shadows, lab.placed("one", options=SHADOW, request=refusal("max_length")), decision="a" * 32)
    found = only(shadows)
    assert (found["tenant"], found["step"]) == ("acme", "one")
    counted = ("exchanges", "would_refuse", "would_change", "failed", "skipped", "disagreements")
    assert [found[name] for name in counted] == [1, 1, 0, 0, 0, 1]
    (rule,) = found["rules"]
    assert (rule["rule"], rule["would_refuse"], rule["would_change"]) == ("max_length", 1, 0)
    assert rule["decisions"] == ["a" * 32]


async def test_a_refusal_without_a_rule_is_counted_by_its_problem(lab: Lab) -> None:
    shadows = Shadows(0.0)
    await run(lab, shadows, lab.placed("one", options=SHADOW, request=refusal()))
    assert [rule["rule"] for rule in only(shadows)["rules"]] == ["question-refused"]


async def test_what_would_be_changed_is_counted_by_finding(lab: Lab) -> None:
    def redact(ex: Any) -> None:
        ex.edit = ex.edit.with_context({"a": "b"})
        ex.verdict().count("email", 3)

    shadows = Shadows(0.0)
    rules = AnswerRules(texts=(lab.Replace("fine"),))
    await run(lab, shadows, lab.placed("one", options=SHADOW, request=redact, answer=rules))
    found = only(shadows)
    assert (found["would_change"], found["would_refuse"], found["disagreements"]) == (1, 0, 1)
    assert {rule["rule"]: rule["would_change"] for rule in found["rules"]} == {"email": 1, "word": 1}


async def test_findings_of_an_answer_that_refuse_are_counted(lab: Lab) -> None:
    shadows = Shadows(0.0)
    rules = AnswerRules(texts=(lab.Replace("fine", refuse=True),))
    await run(lab, shadows, lab.placed("one", options=SHADOW, answer=rules))
    assert {rule["rule"]: rule["would_refuse"] for rule in only(shadows)["rules"]} == {"word": 1}


async def test_an_exchange_that_was_refused_anyway_is_no_disagreement(lab: Lab) -> None:
    shadows = Shadows(0.0)
    await run(lab, shadows, lab.placed("one", options=SHADOW, request=refusal()), lab.placed("two", request=refusal()))
    found = only(shadows)
    assert (found["would_refuse"], found["disagreements"], found["last_disagreement"]) == (1, 0, None)


async def test_a_shadow_that_an_exchange_never_came_to_counts_nothing(lab: Lab) -> None:
    shadows = Shadows(0.0)
    await run(lab, shadows, lab.placed("two", request=refusal()), lab.placed("one", options=SHADOW))
    assert shadows.document(0.0)["shadows"] == []


async def test_agreement_failures_and_what_was_not_seen_are_counted(lab: Lab) -> None:
    shadows = Shadows(0.0)
    await run(lab, shadows, lab.placed("fails", options=SHADOW, request=RuntimeError("bug")))
    await run(lab, shadows, lab.placed("agrees", options=SHADOW))
    await run(lab, shadows, lab.placed("blind", options={**SHADOW, "when": {"role": ["nobody"]}}))
    told = {each["step"]: each for each in shadows.document(0.0)["shadows"]}
    assert {step: (each["exchanges"], each["failed"], each["skipped"]) for step, each in told.items()} == {
        "fails": (1, 1, 0),
        "agrees": (1, 0, 0),
        "blind": (1, 0, 1),
    }
    assert all(each["disagreements"] == 0 and each["rules"] == [] for each in told.values())


async def test_the_time_since_the_last_disagreement_is_told(lab: Lab) -> None:
    shadows, step = Shadows(0.0), lab.placed("one", options=SHADOW, request=refusal())
    await run(lab, shadows, step, decision="a" * 32)
    lab.clock.advance(60)
    await run(lab, shadows, step, decision="b" * 32)
    last = only(shadows, lab.clock.wall() + 90)["last_disagreement"]
    assert (last["decision"], last["seconds_ago"]) == ("b" * 32, 90.0)


async def test_of_each_rule_the_latest_decisions_are_kept(lab: Lab) -> None:
    shadows, step = Shadows(0.0), lab.placed("one", options=SHADOW, request=refusal())
    for number in range(SAMPLES + 2):
        await run(lab, shadows, step, decision=f"{number:032x}")
    (rule,) = only(shadows)["rules"]
    assert rule["decisions"] == [f"{number:032x}" for number in range(SAMPLES + 1, 1, -1)]
    assert rule["would_refuse"] == SAMPLES + 2


async def test_what_is_still_declared_the_same_is_kept_by_another_policy(lab: Lab) -> None:
    shadows = Shadows(0.0)
    first = lab.placed("one", options=SHADOW, request=refusal())
    await run(lab, shadows, first)
    shadows.keep(lab.generation([lab.identify()], [lab.placed("one", options=SHADOW)]))
    assert only(shadows)["would_refuse"] == 1
    assert shadows.document(0.0)["steps"] == ["one"]


@pytest.mark.parametrize("options", [{}, {"mode": "off"}, {**SHADOW, "when": {"role": ["x"]}}, None])
async def test_what_is_declared_otherwise_begins_anew(lab: Lab, options: dict[str, Any] | None) -> None:
    shadows = Shadows(0.0)
    before = lab.placed("one", options=SHADOW, request=refusal())
    await run(lab, shadows, before)
    shadows.keep(lab.generation([lab.identify()], [lab.placed("one", options=options)] if options is not None else []))
    assert shadows.document(0.0)["shadows"] == []
    await run(lab, shadows, before)
    assert shadows.document(0.0)["shadows"] == [], "an exchange that began with the policy before"


async def test_a_tenant_that_is_gone_is_forgotten(lab: Lab) -> None:
    shadows, step = Shadows(0.0), lab.placed("one", options=SHADOW, request=refusal())
    await run(lab, shadows, step)
    generation = lab.generation([lab.identify()], [step])
    generation.tenants = {}
    shadows.keep(generation)
    assert shadows.document(0.0)["shadows"] == []


async def test_what_is_kept_is_bounded(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WATCHES", 1)
    monkeypatch.setattr(module, "MOST_RULES", 2)
    shadows = Shadows(0.0)
    for number in range(4):
        await run(lab, shadows, lab.placed("one", options=SHADOW, request=refusal(f"{number}" * 200)))
    await run(lab, shadows, lab.placed("two", options=SHADOW, request=refusal()))
    told = {(each["tenant"], each["step"]): each for each in shadows.document(0.0)["shadows"]}
    assert told.keys() == {("acme", "one"), ("other", "two")}
    rules = told["acme", "one"]["rules"]
    assert {rule["rule"]: rule["would_refuse"] for rule in rules} == {"0" * 64: 1, "1" * 64: 1, "other": 2}
