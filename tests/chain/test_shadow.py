from __future__ import annotations

import pytest

from kapagate.answer.rules import AnswerRules
from kapagate.chain import problems
from kapagate.chain.compose import Steps
from kapagate.chain.fact import Fact
from kapagate.chain.principal import PRINCIPAL, Tenant
from kapagate.chain.problem import BackendFailed, Gone, Problem
from kapagate.chain.response import Response

SHADOW = {"mode": "shadow"}
NOTE: Fact[str] = Fact("note")


def watching(lab, **acts):
    return lab.placed("one", options=SHADOW, **acts)


def refusal() -> Problem:
    return Problem(problems.QUESTION_REFUSED, "no")


async def test_edits_of_a_shadow_reach_nobody(lab) -> None:
    def edit(ex) -> None:
        ex.edit = ex.edit.with_headers({b"x-tenant": b"evil"}).with_context({"a": "b"}).with_pseudonym("p")

    ex = await lab.run([], [watching(lab, request=edit)])
    assert lab.hop.sent[0].headers == []
    assert (ex.edit.context, ex.edit.pseudonym) == ({}, None)
    assert (ex.verdicts["one"].outcome, ex.verdicts["one"].mode) == ("changed", "shadow")


async def test_header_fields_of_a_shadow_reach_nobody(lab) -> None:
    ex = await lab.run([], [watching(lab, request=lambda ex: ex.headers_out.append((b"X-Shadow", b"1")))])
    assert lab.sink.header(b"x-shadow") is None
    assert ex.verdicts["one"].outcome == "changed"


async def test_facts_of_a_shadow_reach_nobody_but_itself(lab) -> None:
    seen = []
    note = {
        "request": lambda ex: ex.put(NOTE, "mine"),
        "opening": lambda ex: seen.append(ex.get(NOTE)),
        "done": lambda ex: seen.append(ex[NOTE]),
    }
    other = lab.placed("two", request=lambda ex: seen.append(ex.get(NOTE)))
    ex = await lab.run([], [watching(lab, **note), other])
    assert seen == [None, "mine", "mine"]
    assert ex.get(NOTE) is None


async def test_a_shadow_sees_the_facts_of_others_whenever_they_were_found(lab) -> None:
    seen = []
    gate = [lab.placed("door", options=SHADOW, opening=lambda ex: seen.append(ex[PRINCIPAL].subject)), lab.identify()]
    await lab.run(gate, [])
    assert seen == ["ann"]


async def test_later_phases_of_a_shadow_see_what_became_of_the_exchange(lab) -> None:
    seen = []
    note = {
        "answer": lambda ex: seen.append(ex.response.status),
        "done": lambda ex: seen.append((ex.status, ex.sent_bytes, ex.refusal.kind.name if ex.refusal else None)),
    }
    two = lab.placed("two", opening=Problem(problems.RATE_LIMITED, "no"), only=["opening"])
    await lab.run([], [watching(lab, **note), two])
    assert seen[0] == 200
    assert seen[1] == (429, len(lab.sink.body), "rate-limited")


async def test_a_refusal_of_a_shadow_is_a_verdict_and_it_stays_out_of_later_phases(lab) -> None:
    ex = await lab.run([], [watching(lab, request=refusal()), lab.placed("two")])
    assert lab.sink.body == b"fine"
    assert lab.phases("one") == ["request"]
    assert lab.phases("two")[0] == "request"
    verdict = ex.verdicts["one"]
    assert (verdict.outcome, verdict.reason, verdict.mode) == ("refused", "question-refused", "shadow")


async def test_a_shadow_in_the_gate_stays_out_even_where_the_tenant_has_its_own_chain(lab) -> None:
    door = lab.placed("door", options=SHADOW, request=refusal())
    gate = [door]
    gate.append(lab.identify(tenant=Tenant("own", steps=Steps([door, lab.identify()], [lab.placed("special")]))))
    await lab.run(gate, [])
    assert lab.phases("door") == ["request"]
    assert "request special" in lab.log


@pytest.mark.parametrize("cause", [RuntimeError("bug"), BackendFailed("down")])
@pytest.mark.parametrize("phase", ["request", "answer", "opening", "seal"])
async def test_a_failure_of_a_shadow_is_a_verdict(lab, phase: str, cause: Exception) -> None:
    ex = await lab.run([], [watching(lab, **{phase: cause})])
    assert (lab.sink.head.status, lab.sink.body) == (200, b"fine")
    assert (ex.verdicts["one"].outcome, ex.verdicts["one"].reason) == ("failed", type(cause).__name__)
    assert lab.log[-1] == f"{phase} one"


async def test_an_answer_of_a_shadow_is_a_verdict(lab) -> None:
    ex = await lab.run([], [watching(lab, request=Response.whole(200, [], b"cached"))])
    assert lab.sink.body == b"fine"
    assert ex.verdicts["one"].outcome == "answered"


async def test_a_shadow_that_does_nothing_passed(lab) -> None:
    ex = await lab.run([], [watching(lab)])
    assert (ex.verdicts["one"].outcome, ex.verdicts["one"].mode) == ("passed", "shadow")
    assert lab.phases("one") == ["request", "answer", "opening", "seal", "done"]


async def test_counts_and_reasons_of_a_shadow_are_kept(lab) -> None:
    def find(ex) -> None:
        ex.verdict().count("email", 2)
        ex.verdict().reason = "too long"

    ex = await lab.run([], [watching(lab, request=find)])
    assert (ex.verdicts["one"].counts, ex.verdicts["one"].reason) == ({"email": 2}, "too long")


async def test_a_shadow_for_a_role_is_skipped_for_others(lab) -> None:
    options = {"mode": "shadow", "when": {"role": ["admin"]}}
    ex = await lab.run([lab.identify()], [lab.placed("one", options=options)])
    assert (ex.verdicts["one"].outcome, lab.phases("one")) == ("skipped", [])


async def test_rules_of_a_shadow_are_counted_and_change_nothing(lab) -> None:
    ex = await lab.run([], [watching(lab, answer=AnswerRules(texts=(lab.Replace("fine"),)))])
    assert lab.sink.body == b"fine"
    assert ex.report.steps["one"].would_edit == {"word": 1}
    assert not ex.report.enforced("one")


@pytest.mark.parametrize(("kind", "status"), [("UPSTREAM_UNINSPECTABLE", 200), ("UPSTREAM_MALFORMED", 502)])
async def test_an_answer_that_only_a_shadow_would_read_may_be_unreadable(lab, kind: str, status: int) -> None:
    def inbound(ex, head, inspected: bool) -> None:
        if inspected:
            raise Problem(getattr(problems, kind), "not JSON")

    lab.adapter.inbound = inbound
    rules = AnswerRules(texts=(lab.Replace("fine"),))
    await lab.run([], [watching(lab, answer=rules)])
    assert lab.sink.head.status == status
    assert (lab.sink.body == b"fine") is (status == 200)


async def test_an_unreadable_answer_is_refused_where_a_step_beside_a_shadow_reads_it(lab) -> None:
    lab.adapter.fails["inbound"] = Problem(problems.UPSTREAM_UNINSPECTABLE, "not JSON")
    await lab.run([], [watching(lab), lab.placed("two", answer=AnswerRules(texts=(lab.Replace("fine"),)))])
    assert lab.sink.head.status == 502


async def test_refusing_rules_of_a_shadow_are_counted_and_refuse_nothing(lab) -> None:
    ex = await lab.run([], [watching(lab, answer=AnswerRules(texts=(lab.Replace("fine", refuse=True),)))])
    assert (lab.sink.body, ex.refusal) == (b"fine", None)
    assert ex.report.steps["one"].would_refuse == {"word": 1}


async def test_a_text_rule_of_a_shadow_that_fails_hurts_nobody(lab) -> None:
    ex = await lab.run([], [watching(lab, answer=AnswerRules(texts=(lab.Broken(),)))])
    assert lab.sink.body == b"fine"
    assert ex.report.steps["one"].skipped is not None


async def test_a_shadow_without_a_request_hook_still_acts_later(lab) -> None:
    step = watching(lab, only=["answer", "done"], answer=AnswerRules(texts=(lab.Replace("fine"),)))
    ex = await lab.run([], [step])
    assert lab.phases("one") == ["answer", "done"]
    assert ex.report.steps["one"].would_edit == {"word": 1}


async def test_a_document_that_a_shadow_changes_stays_as_it_was_for_others(lab) -> None:
    async def edit(ex) -> None:
        ex.edit = ex.edit.with_document({**await ex.document(), "query": "changed"})

    step = lab.step("one", only=["request"])
    placed = lab.placed("one", options=SHADOW, step=type(step)(on_request=edit))
    ex = await lab.run([], [placed])
    assert lab.hop.sent[0].body == b'{"query":"why"}'
    assert ex.verdicts["one"].outcome == "changed"


async def reads(ex) -> None:
    await ex.document()


async def test_a_body_that_only_a_shadow_reads_is_read_once_and_goes_on(lab) -> None:
    step = type(lab.step("one"))(on_request=reads)
    ex = await lab.run([], [lab.placed("one", options=SHADOW, step=step), lab.placed("two", step=step)])
    assert lab.hop.sent[0].body == b'{"query":"why"}'
    assert ex.verdicts["one"].outcome == "passed"


@pytest.mark.parametrize(("body", "headers"), [(b"no json", []), (b"zipped", [(b"Content-Encoding", b"gzip")])])
async def test_a_body_that_a_shadow_cannot_read_goes_on_as_it_came(lab, body: bytes, headers) -> None:
    step = type(lab.step("one"))(on_request=reads)
    ex = await lab.run([], [lab.placed("one", options=SHADOW, step=step)], body=body, headers=headers)
    assert lab.hop.sent[0].body == body
    assert ex.verdicts["one"].outcome == "refused"


async def test_a_body_that_failed_for_a_shadow_fails_again_for_whoever_needs_it(lab) -> None:
    step = type(lab.step("one"))(on_request=reads)
    ex = await lab.run([], [lab.placed("one", options=SHADOW, step=step)], route=lab.route(body_limit=3))
    assert ex.status == 413
    assert lab.hop.sent == []


async def test_a_client_that_leaves_during_a_shadow_ends_the_exchange(lab) -> None:
    ex = await lab.run([], [watching(lab, request=Gone())])
    assert isinstance(ex.broken, Gone)
