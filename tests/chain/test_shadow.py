from __future__ import annotations

import pytest

from kapagate.answer.codec import Garbled
from kapagate.answer.rules import AnswerRules
from kapagate.chain import problems
from kapagate.chain.compose import Steps
from kapagate.chain.fact import Fact
from kapagate.chain.principal import PRINCIPAL, Tenant
from kapagate.chain.problem import BackendFailed, Gone, Kind, Problem
from kapagate.chain.response import Response, Truncated

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


async def test_the_rule_by_which_a_shadow_would_refuse_is_told(lab) -> None:
    cause = Problem(problems.QUESTION_REFUSED, "no", members={"rule": "max_length"})
    ex = await lab.run([], [watching(lab, request=cause)])
    assert ex.verdicts["one"].rule == "max_length"


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
    sealing = [lab.placed("two", only=["seal"])] if phase == "seal" else []
    ex = await lab.run([], [watching(lab, **{phase: cause}), *sealing])
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
    assert lab.phases("one") == ["request", "answer", "opening", "done"]


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


@pytest.mark.parametrize("kind", [problems.UPSTREAM_UNINSPECTABLE, problems.UPSTREAM_MALFORMED])
async def test_an_answer_that_only_a_shadow_would_read_may_be_unreadable(lab, kind: Kind) -> None:
    def inbound(ex, head, inspected: bool) -> None:
        if inspected:
            raise Problem(kind, "not JSON")

    lab.adapter.inbound = inbound
    rules = AnswerRules(texts=(lab.Replace("fine"),))
    ex = await lab.run([], [watching(lab, answer=rules)])
    assert (lab.sink.head.status, lab.sink.body) == (200, b"fine")
    assert (ex.verdicts["one"].outcome, ex.verdicts["one"].reason) == ("skipped", "uninspectable")
    assert ex.verdicts["one"].mode == "shadow"


async def test_a_route_with_a_shadow_alone_is_not_inspected(lab) -> None:
    """Its answers keep their length and their fields, and pieces leave as they come, each before it is looked at."""
    seen = []
    lab.hop.answer = lab.inbound(b"fi", b"ne", b".", length=5)
    lab.adapter.headers = lambda ex, head, inspected: seen.append(inspected) or list(head.headers.raw)
    ex = await lab.run([], [watching(lab, answer=AnswerRules(texts=(lab.Replace("fine"),)))])
    assert seen == [False]
    assert lab.sink.pieces == [b"fi", b"ne", b".", b""]
    assert lab.sink.head.length == 5
    assert ex.report.steps["one"].would_edit == {"word": 1}
    assert ex.report.delivered == 0


async def test_a_shadow_looks_at_whole_answers_as_they_pass(lab) -> None:
    lab.adapter.codec = lab.WholeCodec
    lab.hop.answer = lab.inbound(b"fi", b"ne")
    ex = await lab.run([], [watching(lab, answer=AnswerRules(texts=(lab.Replace("fine", refuse=True),)))])
    assert lab.sink.pieces == [b"fi", b"ne", b""]
    assert ex.report.steps["one"].would_refuse == {"word": 1}


async def test_an_answer_that_breaks_under_the_eyes_of_a_shadow_was_not_seen(lab) -> None:
    class Garbles(lab.PlainCodec):
        def decode(self, chunk: bytes):
            raise Garbled("not what it claims to be")

    lab.adapter.codec = Garbles
    ex = await lab.run([], [watching(lab, answer=AnswerRules(texts=(lab.Replace("fine"),)))])
    assert lab.sink.body == b"fine"
    assert ex.report.steps["one"].skipped == "cannot be read: Garbled"


async def test_an_answer_under_the_eyes_of_a_shadow_breaks_off_as_it_would_have(lab) -> None:
    lab.hop.answer = lab.inbound(b"fi", Truncated())
    ex = await lab.run([], [watching(lab, answer=AnswerRules(texts=(lab.Replace("fine"),)))])
    assert (lab.sink.body, lab.sink.was_cut) == (b"fi", True)
    assert isinstance(ex.broken, Truncated)


async def test_an_upstream_is_let_go_of_when_the_client_leaves_a_shadowed_answer(lab) -> None:
    lab.sink = lab.Sink(patience=1)
    lab.hop.answer = lab.inbound(b"fi", b"ne")
    await lab.run([], [watching(lab, answer=AnswerRules(texts=(lab.Replace("fine"),)))])
    assert lab.upstream_body.released


@pytest.mark.parametrize("part", ["clean", "absent", "event", "end", "scan"])
@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("whole", [False, True])
async def test_no_part_of_a_shadows_rules_can_hurt(lab, part: str, beside: bool, whole: bool) -> None:
    def fails(*_: object):
        raise RuntimeError("a bug")

    async def fails_late(*_: object):
        raise RuntimeError("a bug")

    class Rule(lab.Replace):
        clean = fails if part == "clean" else None
        if part == "scan":
            scan = fails

    rules = AnswerRules(
        texts=(Rule("fine"),),
        event=fails if part == "event" else None,
        end=fails_late if part == "end" else None,
        absent=fails if part == "absent" else None,
    )
    lab.adapter.codec = lab.WholeCodec if whole else lab.PlainCodec
    reader = [lab.placed("two", answer=AnswerRules(texts=(lab.Replace("absent"),)))] if beside else []
    ex = await lab.run([], [watching(lab, answer=rules), *reader])
    assert (lab.sink.head.status, lab.sink.body, ex.refusal) == (200, b"fine", None)
    if part in ("scan", "end"):
        assert ex.report.steps["one"].skipped is not None
    else:
        assert ex.report.steps["one"].would_edit == {"word": 1}


async def test_a_shadow_cannot_touch_the_answer_itself(lab) -> None:
    def spoil(ex) -> None:
        ex.response.headers.append((b"X-Shadow", b"1"))
        ex.response.status = 500

    await lab.run([], [watching(lab, opening=spoil)])
    assert (lab.sink.head.status, lab.sink.header(b"x-shadow")) == (200, None)


async def test_a_shadow_that_fails_when_all_is_done_is_counted_and_not_logged(lab, caplog) -> None:
    ex = await lab.run([], [watching(lab, done=RuntimeError("bug"))])
    assert (ex.verdicts["one"].outcome, ex.verdicts["one"].reason) == ("failed", "RuntimeError")
    assert not caplog.records


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


async def test_a_body_that_a_shadow_and_others_read_is_read_once_and_goes_on(lab) -> None:
    step = type(lab.step("one"))(on_request=reads)
    ex = await lab.run([], [lab.placed("one", options=SHADOW, step=step), lab.placed("two", step=step)])
    assert lab.hop.sent[0].body == b'{"query":"why"}'
    assert ex.verdicts["one"].outcome == "passed"


async def test_a_body_that_only_shadows_read_goes_on_byte_for_byte(lab) -> None:
    step, body = type(lab.step("one"))(on_request=reads), b'{ "query" : "why", "n": 1.0 }'
    shadows = [lab.placed(name, options=SHADOW, step=step) for name in ("one", "two")]
    ex = await lab.run([], shadows, body=body)
    assert lab.hop.sent[0].body == body
    assert [ex.verdicts[name].outcome for name in ("one", "two")] == ["passed", "passed"]


async def test_a_body_of_unknown_length_is_not_waited_for(lab) -> None:
    class Flowing(lab.Body):
        length = None

    step = type(lab.step("one"))(on_request=reads)
    ex = await lab.run([], [lab.placed("one", options=SHADOW, step=step)], body=Flowing(b"{}"))
    assert lab.hop.sent[0].body == b"{}"
    assert (ex.verdicts["one"].outcome, ex.verdicts["one"].reason) == ("skipped", "uninspectable")


async def test_nothing_is_waited_for_to_compare_a_document_of_a_shadows_own_making_with(lab) -> None:
    class Piecewise(lab.Body):
        length = None

    def make(ex) -> None:
        ex.edit = ex.edit.with_document({"query": "else"})

    ex = await lab.run([], [watching(lab, request=make)], body=Piecewise(b"{}"))
    assert (lab.sink.head.status, lab.hop.sent[0].body) == (200, b"{}")
    assert (ex.verdicts["one"].outcome, ex.verdicts["one"].reason) == ("skipped", "uninspectable")


async def test_a_body_that_is_too_long_for_a_shadow_goes_on(lab) -> None:
    step = type(lab.step("one"))(on_request=reads)
    ex = await lab.run([], [lab.placed("one", options=SHADOW, step=step)], route=lab.route(body_limit=3))
    assert lab.hop.sent[0].body == b'{"query":"why"}'
    assert (ex.status, ex.verdicts["one"].outcome, ex.verdicts["one"].reason) == (200, "refused", "body-too-large")


@pytest.mark.parametrize(("body", "headers"), [(b"no json", []), (b"zipped", [(b"Content-Encoding", b"gzip")])])
async def test_a_body_that_a_shadow_cannot_read_goes_on_as_it_came(lab, body: bytes, headers) -> None:
    step = type(lab.step("one"))(on_request=reads)
    ex = await lab.run([], [lab.placed("one", options=SHADOW, step=step)], body=body, headers=headers)
    assert lab.hop.sent[0].body == body
    assert ex.verdicts["one"].outcome == "refused"


async def test_a_body_that_failed_for_a_shadow_fails_again_for_whoever_needs_it(lab) -> None:
    step, stalled = type(lab.step("one"))(on_request=reads), Problem(problems.REQUEST_TIMEOUT, "the body stalled")
    body = lab.Body(b"{}", failure=stalled)
    ex = await lab.run([], [lab.placed("one", options=SHADOW, step=step)], body=body)
    assert ex.status == 408
    assert lab.hop.sent == []


async def test_a_client_that_leaves_during_a_shadow_ends_the_exchange(lab) -> None:
    ex = await lab.run([], [watching(lab, request=Gone())])
    assert isinstance(ex.broken, Gone)
