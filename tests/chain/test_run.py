from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from kapagate.answer.codec import Garbled
from kapagate.answer.rules import AnswerRules
from kapagate.chain import problems
from kapagate.chain.headers import Headers
from kapagate.chain.problem import BackendFailed, Gone, Problem
from kapagate.chain.response import Response, Truncated
from kapagate.chain.run import run
from kapagate.chain.step import Step

FORBIDDEN = problems.FORBIDDEN
LIFE = [
    *("request door", "request one", "request two"),
    *("answer two", "answer one", "answer door"),
    *("opening two", "opening one", "opening door"),
    *("seal two", "seal one", "seal door"),
    *("done door", "done one", "done two"),
]


def no(detail: str = "no", kind=FORBIDDEN, **options) -> Problem:
    return Problem(kind, detail, **options)


def watching(lab, **acts):
    """A step that seals nothing, so that pieces leave as they come."""
    return [lab.placed("one", only=["request", "answer", "opening", "done"], **acts)]


def quiet(record: pytest.LogCaptureFixture) -> list[str]:
    return [entry.getMessage() for entry in record.records if entry.levelno >= logging.WARNING]


def doors(lab, **acts):
    return [lab.placed("door", **acts)]


def pair(lab, one=None, two=None):
    """Two steps with all five hooks; the seal hooks make the engine keep one piece in hand."""
    return [lab.placed("one", **(one or {})), lab.placed("two", **(two or {}))]


def done_once(lab, *names: str) -> bool:
    return all(lab.phases(name).count("done") == 1 for name in names or ("door", "one", "two"))


async def test_phases_run_in_the_order_that_the_policy_means(lab) -> None:
    ex = await lab.run(doors(lab), pair(lab))
    assert lab.log == LIFE
    assert (lab.sink.head.status, lab.sink.body, lab.sink.ended, lab.sink.was_cut) == (200, b"fine", True, False)
    assert (ex.status, ex.sent_bytes, ex.refusal, ex.broken) == (200, 4, None, None)


async def test_the_hop_is_asked_after_all_request_hooks_and_once(lab) -> None:
    seen = []
    chain = pair(lab, two={"request": lambda ex: seen.append(len(lab.hop.sent))})
    await lab.run(doors(lab), chain)
    assert (seen, len(lab.hop.sent)) == ([0], 1)


async def test_opening_hooks_run_before_the_head_leaves(lab) -> None:
    chain = pair(
        lab, two={"opening": lambda ex: ex.headers_out.append((b"RateLimit", str(len(lab.sink.heads)).encode()))}
    )
    await lab.run(doors(lab), chain)
    assert lab.sink.header(b"ratelimit") == b"0"


async def test_opening_hooks_run_once_for_an_answer_of_many_pieces(lab) -> None:
    lab.hop.answer = lab.inbound(b"a", b"b", b"c")
    await lab.run(doors(lab), pair(lab))
    assert lab.log == LIFE
    assert lab.sink.pieces == [b"a", b"b", b"c"]


async def test_pieces_leave_as_they_come_where_nobody_seals(lab) -> None:
    lab.hop.answer = lab.inbound(b"a", b"b", b"c")
    taken = lab.upstream_body
    left = []

    async def watched() -> AsyncIterator[bytes]:
        async for piece in taken:
            left.append(len(lab.sink.pieces))
            yield piece

    lab.hop.answer.body = watched()
    await lab.run([], [lab.placed("one", only=["answer"])])
    assert left == [0, 1, 2]
    assert (lab.sink.pieces, lab.sink.ended) == ([b"a", b"b", b"c", b""], True)


async def test_what_comes_at_once_leaves_as_one_last_piece(lab) -> None:
    lab.adapter.codec = lab.WholeCodec
    lab.hop.answer = lab.inbound(b"a", b"b")
    await lab.run([], [lab.placed("one", only=["answer"])])
    assert lab.sink.pieces == [b"ab"]


async def test_seal_hooks_run_when_all_but_the_last_piece_has_left(lab) -> None:
    lab.hop.answer = lab.inbound(b"a", b"b", b"c")
    seen = []
    await lab.run([], pair(lab, two={"seal": lambda ex: seen.append(lab.sink.body)}))
    assert seen == [b"ab"]
    assert lab.sink.body == b"abc"


async def test_an_answer_without_a_body_opens_and_is_sealed(lab) -> None:
    lab.hop.answer = lab.inbound(status=204)
    ex = await lab.run(doors(lab), pair(lab))
    assert "seal one" in lab.log
    assert (lab.sink.pieces, lab.sink.ended, ex.status) == ([b""], True, 204)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_an_answer_that_has_no_body_is_not_read_as_one(lab, method: str) -> None:
    class Strict(lab.PlainCodec):
        def end(self):
            raise Garbled("an empty body is no answer")

    lab.adapter.codec = Strict
    lab.hop.answer = lab.inbound(status=200 if method == "HEAD" else 304)
    ex = await lab.run([], pair(lab), route=lab.route(methods=frozenset({"GET"})), method=method)
    assert ex.refusal is None


async def test_the_correlation_id_is_on_every_answer(lab) -> None:
    await lab.run([], pair(lab))
    assert lab.sink.header(b"x-correlation-id") == b"corr-1"


async def test_times_are_taken_when_the_head_leaves_and_at_the_end(lab) -> None:
    chain = pair(lab, one={"opening": lambda ex: lab.clock.advance(2), "seal": lambda ex: lab.clock.advance(3)})
    ex = await lab.run([], chain)
    assert (ex.times.received, ex.times.opened, ex.times.ended) == (100.0, 105.0, 105.0)


# Refusals before the head ---------------------------------------------------------------------------------------------


async def test_a_refusal_in_the_chain_is_a_whole_problem(lab) -> None:
    refusal = no("slow down", problems.RATE_LIMITED, retry_after=2.2)
    ex = await lab.run(doors(lab), pair(lab, one={"request": refusal}))
    assert lab.sink.problem == {
        "type": "https://kapagate.dev/problems/rate-limited",
        "title": "Too many requests",
        "status": 429,
        "detail": "slow down",
        "step": "one",
        "decision": "d" * 32,
        "correlation_id": "corr-1",
    }
    assert (lab.sink.head.status, ex.status) == (429, 429)
    assert lab.sink.header(b"retry-after") == b"3"
    assert lab.sink.header(b"x-correlation-id") == b"corr-1"
    assert lab.sink.head.length == len(lab.sink.body)
    assert lab.hop.sent == []


async def test_a_refusal_stops_the_request_and_runs_opening_seal_and_done_of_all(lab) -> None:
    await lab.run([*doors(lab), lab.identify()], pair(lab, one={"request": no()}))
    assert lab.log == [
        *("request door", "request identify", "request one"),
        *("opening two", "opening one", "opening door"),
        *("seal two", "seal one", "seal door"),
        *("done door", "done one", "done two"),
    ]


async def test_the_refusing_step_has_the_verdict(lab) -> None:
    ex = await lab.run(doors(lab), pair(lab, one={"request": no()}))
    assert (ex.verdicts["one"].outcome, ex.verdicts["one"].reason) == ("refused", "forbidden")
    assert ex.verdicts["door"].outcome == "passed"
    assert "two" not in ex.verdicts


async def test_a_refusal_in_the_gate_runs_the_hooks_of_the_gateways_own_chain(lab) -> None:
    ex = await lab.run(doors(lab, request=no(kind=problems.CREDENTIALS_REQUIRED, challenges=["Bearer"])), pair(lab))
    assert lab.log == ["request door", *LIFE[6:]]
    assert lab.sink.problem["step"] == "door"
    assert lab.sink.header(b"www-authenticate") == b"Bearer"
    assert ex.chain is ex.generation.stranger(ex.route, "POST")


async def test_after_the_gate_the_tenants_own_chain_is_used(lab) -> None:
    from kapagate.chain.compose import Steps
    from kapagate.chain.principal import Tenant

    gate = doors(lab)
    tenant = Tenant("own", steps=Steps(gate, [lab.placed("special")]))
    gate.append(lab.identify(tenant=tenant))
    await lab.run(gate, pair(lab))
    assert "request special" in lab.log
    assert lab.phases("one") == lab.phases("two") == []
    assert lab.phases("special") == ["request", "answer", "opening", "seal", "done"]


async def test_a_bug_becomes_a_500_that_tells_nothing(lab, caplog) -> None:
    ex = await lab.run(doors(lab), pair(lab, one={"request": ZeroDivisionError("the key is hush")}))
    assert lab.sink.head.status == 500
    assert b"hush" not in lab.sink.body
    assert b"ZeroDivision" not in lab.sink.body
    assert lab.sink.problem["step"] == "one"
    assert any(record.exc_info and record.exc_info[0] is ZeroDivisionError for record in caplog.records)
    assert (ex.verdicts["one"].outcome, ex.verdicts["one"].reason) == ("failed", "internal")
    assert done_once(lab)


@pytest.mark.parametrize("phase", ["request", "answer", "opening", "seal"])
async def test_a_failed_back_end_is_a_503_in_every_phase(lab, phase: str) -> None:
    await lab.run(doors(lab), pair(lab, one={phase: BackendFailed("redis at 10.0.0.1 is down")}))
    assert lab.sink.head.status == 503
    assert lab.sink.header(b"retry-after") == b"1"
    assert b"10.0.0.1" not in lab.sink.body
    assert lab.sink.problem["step"] == "one"
    assert done_once(lab)


@pytest.mark.parametrize("phase", ["answer", "opening", "seal"])
async def test_a_later_hook_may_refuse_while_the_head_has_not_left(lab, phase: str) -> None:
    await lab.run(doors(lab), pair(lab, one={phase: no()}))
    assert lab.sink.problem["step"] == "one"
    assert lab.sink.body.count(b"fine") == 0
    for name in ("door", "one", "two"):
        assert [lab.phases(name).count(each) for each in ("opening", "seal", "done")] == [1, 1, 1]
    assert lab.upstream_body.released


async def test_an_opening_hook_that_fails_while_a_refusal_opens_is_passed_over(lab, caplog) -> None:
    chain = pair(lab, one={"request": no("first")}, two={"opening": RuntimeError("second")})
    ex = await lab.run(doors(lab), chain)
    assert lab.sink.problem["detail"] == "first"
    assert (lab.phases("one"), lab.sink.was_cut) == (["request", "opening", "seal", "done"], False)
    assert ex.broken is None
    assert "failed beside a refusal" in caplog.text


async def test_a_seal_hook_that_fails_while_a_refusal_leaves_is_passed_over(lab) -> None:
    chain = pair(lab, one={"request": no("first")}, two={"seal": BackendFailed("disk full")})
    await lab.run(doors(lab), chain)
    assert lab.sink.problem["detail"] == "first"
    assert lab.phases("one") == ["request", "opening", "seal", "done"]


async def test_the_first_failing_opening_hook_refuses_and_the_second_is_passed_over(lab) -> None:
    await lab.run(doors(lab), pair(lab, one={"opening": no("late")}, two={"opening": no("early")}))
    assert lab.sink.problem["detail"] == "early"
    assert [entry for entry in lab.log if entry.startswith("opening")] == ["opening two", "opening one", "opening door"]


async def test_a_problem_of_the_hop_names_no_step(lab) -> None:
    lab.hop.answer = no("nobody there", problems.UPSTREAM_UNREACHABLE)
    await lab.run(doors(lab), pair(lab))
    assert lab.sink.head.status == 502
    assert "step" not in lab.sink.problem
    assert done_once(lab)


@pytest.mark.parametrize("where", ["outbound", "inbound", "headers"])
@pytest.mark.parametrize("cause", [no("our key", problems.UPSTREAM_CREDENTIALS), RuntimeError("bug"), Gone()])
async def test_the_upstreams_answer_is_given_up_when_the_adapter_raises(lab, where: str, cause: BaseException) -> None:
    lab.adapter.fails = {where: cause}
    ex = await lab.run(doors(lab), pair(lab))
    assert lab.upstream_body.closed is (where != "outbound")
    assert done_once(lab)
    assert isinstance(ex.broken, Gone) if isinstance(cause, Gone) else ex.status >= 500


async def test_an_upstream_that_breaks_off_before_the_head_is_a_502(lab) -> None:
    lab.adapter.codec = lab.WholeCodec
    lab.hop.answer = lab.inbound(b"half", Truncated())
    await lab.run(doors(lab), pair(lab))
    assert lab.sink.problem["type"].endswith("/upstream-truncated")
    assert "step" not in lab.sink.problem
    assert b"half" not in lab.sink.body


async def test_an_answer_that_cannot_be_read_is_a_502_that_quotes_nothing(lab) -> None:
    class Picky(lab.PlainCodec):
        def decode(self, chunk):
            raise Garbled(f"what is {chunk!r}?")

    lab.adapter.codec = Picky
    lab.hop.answer = lab.inbound(b"hush", b"more")
    await lab.run(doors(lab), pair(lab))
    assert lab.sink.problem["status"] == 502
    assert b"hush" not in lab.sink.body
    assert lab.upstream_body.closed


async def test_what_a_text_rule_refuses_is_told_with_its_step_and_without_the_text(lab) -> None:
    lab.hop.answer = lab.inbound(b"the secret word", b"is more")
    rules = AnswerRules(texts=(lab.Replace("secret", refuse=True),))
    lab.adapter.held = True
    ex = await lab.run(doors(lab), pair(lab, one={"answer": rules}))
    assert lab.sink.problem["status"] == 422
    assert (lab.sink.problem["step"], lab.sink.problem["rule"]) == ("one", "word")
    assert b"secret" not in lab.sink.body
    assert ex.verdicts["one"].outcome == "refused"


async def test_a_rule_that_fails_is_a_500_of_its_step(lab) -> None:
    await lab.run(doors(lab), pair(lab, two={"answer": AnswerRules(texts=(lab.Broken(),))}))
    assert (lab.sink.problem["status"], lab.sink.problem["step"]) == (500, "two")


# Answers --------------------------------------------------------------------------------------------------------------


async def test_rules_of_answer_hooks_act_on_the_body(lab) -> None:
    lab.hop.answer = lab.inbound(b"a sec", b"ret here")
    ex = await lab.run([], pair(lab, one={"answer": AnswerRules(texts=(lab.Replace("secret"),))}))
    assert lab.sink.body == b"a *** here"
    assert ex.report.steps["one"].edits == {"word": 1}
    assert ex.report.enforced("one")


@pytest.mark.parametrize("inspected", [True, False])
async def test_the_adapter_knows_whether_the_answer_is_read_when_it_chooses_fields(lab, inspected: bool) -> None:
    seen = []
    lab.adapter.headers = lambda ex, head, inspects: seen.append(ex.response.codec is not None) or [(b"A", b"b")]
    await lab.run([], [lab.placed("one", only=["answer" if inspected else "done"])])
    assert seen == [inspected]
    assert lab.sink.header(b"a") == b"b"


@pytest.mark.parametrize("script", [(b"fine",), ()])
async def test_an_answer_that_passes_unread_is_said_to_be_unguarded(lab, script: tuple[bytes, ...]) -> None:
    lab.adapter.codec = None
    lab.hop.answer = lab.inbound(*script, length=len(b"".join(script)))
    ex = await lab.run([], pair(lab, one={"answer": AnswerRules(texts=(lab.Replace("fine"),))}))
    assert lab.sink.body == b"".join(script)
    assert (ex.verdicts["one"].outcome, ex.verdicts["two"].outcome) == ("skipped" if script else "passed", "passed")


async def test_a_held_answer_leaves_at_its_end(lab) -> None:
    lab.adapter.held = True
    lab.hop.answer = lab.inbound(b"a", b"b", b"c")
    await lab.run([], pair(lab))
    assert lab.sink.pieces == [b"abc"]


async def test_an_answer_that_nobody_looks_into_passes_as_it_is_with_its_length(lab) -> None:
    lab.hop.answer = lab.inbound(b"a", b"b", length=2)
    await lab.run([], [lab.placed("one", only=["request", "done"])])
    assert (lab.sink.pieces, lab.sink.head.length) == ([b"a", b"b", b""], 2)


async def test_an_inspected_answer_loses_the_upstreams_length(lab) -> None:
    lab.hop.answer = lab.inbound(b"a", b"b", length=2)
    await lab.run([], pair(lab))
    assert lab.sink.head.length is None


async def test_a_local_answer_skips_what_follows_and_runs_answer_opening_and_done_of_all(lab) -> None:
    answer = lab.local(b"from me", codec=lab.PlainCodec())
    ex = await lab.run(
        doors(lab), pair(lab, one={"request": answer}, two={"answer": AnswerRules(texts=(lab.Replace("me"),))})
    )
    assert lab.log == ["request door", "request one", *LIFE[3:]]
    assert lab.sink.body == b"from ***"
    assert lab.hop.sent == []
    assert ex.verdicts["one"].outcome == "answered"


async def test_a_local_answer_of_the_gate_is_final(lab) -> None:
    await lab.run(doors(lab, request=Response.whole(204, [(b"Allow", b"GET")], b"")), pair(lab))
    assert (lab.sink.head.status, lab.sink.header(b"allow")) == (204, b"GET")
    assert lab.phases("one") == ["opening", "seal", "done"]


async def test_a_served_route_answers_behind_gate_and_chain(lab) -> None:
    async def serve(ex) -> Response:
        lab.log.append("serve route")
        return Response.whole(200, [], b"health")

    await lab.run(doors(lab), pair(lab), route=lab.route(serve=serve))
    assert lab.log[3] == "serve route"
    assert (lab.sink.body, lab.sink.head.length) == (b"health", 6)


# After the head -------------------------------------------------------------------------------------------------------


async def test_a_refusal_after_the_head_is_told_in_the_codecs_words(lab) -> None:
    lab.hop.answer = lab.inbound(b"good text, then", b" secret", b"never")
    ex = await lab.run([], watching(lab, answer=AnswerRules(texts=(lab.Replace("secret", refuse=True),))))
    assert lab.sink.body == b"good text,<error: the answer was refused: it contains word>"
    assert (lab.sink.ended, lab.sink.was_cut, lab.sink.head.status) == (True, False, 200)
    assert (ex.status, ex.refusal.step, ex.broken) == (200, "one", None)
    assert lab.upstream_body.closed
    assert lab.phases("one") == ["request", "answer", "opening", "done"]


async def test_a_refusal_after_the_head_without_words_is_a_cut(lab) -> None:
    lab.adapter.codec = lambda: lab.PlainCodec(words=False)
    lab.hop.answer = lab.inbound(b"good text, then", b" secret", b"never")
    ex = await lab.run([], watching(lab, answer=AnswerRules(texts=(lab.Replace("secret", refuse=True),))))
    assert (lab.sink.was_cut, lab.sink.ended) == (True, False)
    assert b"secret" not in lab.sink.body
    assert ex.refusal.kind is problems.ANSWER_REFUSED
    assert lab.upstream_body.closed
    assert done_once(lab, "one")


@pytest.mark.parametrize("words", [True, False])
async def test_an_upstream_that_breaks_off_after_the_head_is_a_cut(lab, words: bool) -> None:
    lab.adapter.codec = lambda: lab.PlainCodec(words)
    lab.hop.answer = lab.inbound(b"a", b"b", b"c", Truncated())
    ex = await lab.run(doors(lab), pair(lab))
    assert (lab.sink.was_cut, lab.sink.ended) == (True, False)
    assert isinstance(ex.broken, Truncated)
    assert ex.refusal is None
    assert done_once(lab)
    assert "seal one" not in lab.log


async def test_an_opaque_answer_that_idles_too_long_is_a_cut(lab) -> None:
    late = no("too late", problems.UPSTREAM_TIMEOUT)
    lab.hop.answer = lab.inbound(b"a", b"b", late)
    ex = await lab.run([], [lab.placed("one", only=["done"])])
    assert lab.sink.was_cut
    assert ex.refusal is late
    assert late.step == ""


async def test_a_seal_that_fails_after_the_head_is_told_in_the_codecs_words(lab) -> None:
    lab.hop.answer = lab.inbound(b"a", b"b", b"c")
    await lab.run(doors(lab), pair(lab, one={"seal": BackendFailed("disk")}))
    assert lab.sink.body == b"ab<error: a part of the gateway is not available>"
    assert [entry for entry in lab.log if entry.startswith("seal")] == ["seal two", "seal one", "seal door"]


# Nobody there, and bugs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("patience", [0, 1, 2])
async def test_a_client_that_leaves_while_it_is_written_to_ends_everything(lab, caplog, patience: int) -> None:
    lab.sink = lab.Sink(patience)
    lab.hop.answer = lab.inbound(b"a", b"b", b"c", b"d")
    ex = await lab.run(doors(lab), pair(lab))
    assert isinstance(ex.broken, Gone)
    assert ex.gone
    assert lab.upstream_body.closed
    assert done_once(lab)
    assert ex.refusal is None
    assert quiet(caplog) == []


@pytest.mark.parametrize("phase", ["request", "opening", "seal"])
async def test_a_hook_may_notice_that_the_client_left(lab, phase: str) -> None:
    lab.hop.answer = lab.inbound(b"a", b"b")
    ex = await lab.run(doors(lab), pair(lab, one={phase: Gone()}))
    assert isinstance(ex.broken, Gone)
    assert not lab.sink.ended
    assert done_once(lab)
    assert phase == "request" or lab.upstream_body.released


@pytest.mark.parametrize("answer", ["send", "body"])
async def test_a_client_that_leaves_while_the_upstream_is_waited_for(lab, answer: str) -> None:
    lab.hop.answer = Gone() if answer == "send" else lab.inbound(b"a", b"b", Gone())
    ex = await lab.run(doors(lab), pair(lab))
    assert isinstance(ex.broken, Gone)
    assert lab.sink.was_cut
    assert done_once(lab)


async def test_a_cancelled_exchange_is_cut_recorded_and_stays_cancelled(lab) -> None:
    waits = asyncio.Event()

    class Slow(lab.Pieces):
        async def __anext__(self) -> bytes:
            waits.set()
            await asyncio.Event().wait()
            raise AssertionError

    lab.hop.answer = lab.inbound()
    lab.hop.answer.body = Slow()
    ex = lab.exchange(doors(lab), pair(lab))
    task = asyncio.create_task(run(ex, lab.sink, lab.clock))
    await waits.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert isinstance(ex.broken, asyncio.CancelledError)
    assert lab.sink.was_cut
    assert lab.upstream_body.closed
    assert done_once(lab)


async def test_a_done_hook_that_fails_keeps_no_other_from_running(lab, caplog) -> None:
    ex = await lab.run(doors(lab, done=RuntimeError("bug")), pair(lab, one={"done": no()}))
    assert lab.log == LIFE
    assert ex.broken is None
    assert len(quiet(caplog)) == 2


async def test_a_sink_with_a_bug_is_cut_and_logged(lab, caplog) -> None:
    async def broken(head, piece, last) -> None:
        raise RuntimeError("bug in the sink")

    lab.sink.open = broken
    ex = await lab.run([], [lab.placed("one", only=["done"])])
    assert lab.sink.was_cut
    assert ex.broken is not None
    assert lab.phases("one") == ["done"]


async def test_a_head_that_cannot_be_written_is_a_500_before_anything_left(lab, caplog) -> None:
    opened = lab.sink.open

    async def strict(head, piece, last) -> None:
        if (b"X-Bad", b"a\r\nb") in head.headers:
            raise ValueError("a header field holds a control character")
        await opened(head, piece, last)

    lab.sink.open = strict
    lab.hop.answer = lab.inbound(b"a", b"b")
    lab.hop.answer.headers = Headers([(b"X-Bad", b"a\r\nb")])
    ex = await lab.run(doors(lab), pair(lab))
    assert (lab.sink.problem["status"], ex.status, ex.broken) == (500, 500, None)
    assert lab.upstream_body.released
    assert done_once(lab)


async def test_a_client_that_left_before_the_head_was_told_nothing(lab) -> None:
    def leave(ex) -> None:
        ex.leave()

    lab.sink = lab.Sink(0)
    ex = await lab.run([], [lab.placed("one", only=["opening"], opening=leave)])
    assert (ex.status, ex.times.opened, ex.gone) == (0, 0.0, True)


async def test_a_refusal_that_cannot_be_written_is_a_cut_and_logged(lab, caplog) -> None:
    refusal = no(members={"odd": object()})
    ex = await lab.run([], [lab.placed("one", request=refusal)])
    assert (lab.sink.was_cut, lab.sink.heads, ex.refusal) == (True, [], refusal)
    assert "an exchange broke" in caplog.text
    assert lab.phases("one") == ["request", "done"]


async def test_the_step_at_work_is_known_to_its_hook_and_to_nobody_else(lab) -> None:
    seen = []
    note = {phase: lambda ex: seen.append(ex.step) for phase in ("request", "answer", "opening", "seal", "done")}
    lab.hop.answer = lab.inbound(b"a", b"b", b"c", Truncated())
    ex = await lab.run([], pair(lab, one=note))
    assert ex.step == "two"
    assert set(seen) == {"one"}


# No route -------------------------------------------------------------------------------------------------------------


async def test_a_stranger_is_refused_by_the_gate_whether_or_not_there_is_a_route(lab) -> None:
    await lab.run(doors(lab, request=no(kind=problems.CREDENTIALS_REQUIRED)), pair(lab), path="/nothing")
    assert lab.sink.head.status == 401


async def test_a_known_caller_is_told_that_nothing_is_there_without_running_the_chain(lab) -> None:
    await lab.run([*doors(lab), lab.identify()], pair(lab), path="/nothing")
    assert lab.sink.problem["type"].endswith("/not-found")
    assert "step" not in lab.sink.problem
    assert lab.phases("one") == ["opening", "seal", "done"]
    assert lab.hop.sent == []


async def test_a_known_caller_is_told_the_methods_of_an_address(lab) -> None:
    await lab.run([lab.identify()], [], method="DELETE", route=lab.route(methods=frozenset({"GET", "POST"})))
    assert lab.sink.head.status == 405
    assert lab.sink.header(b"allow") == b"GET, HEAD, POST"


async def test_a_known_caller_is_told_about_the_slash_at_the_end(lab) -> None:
    await lab.run([lab.identify()], [], route=lab.route(template="/chat/"))
    assert lab.sink.head.status == 404
    assert "ends in '/'" in lab.sink.problem["detail"]


# Memory ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "acts", [{}, {"request": "refuse"}, {"opening": "refuse"}, {"answer": "refuse"}], ids=["answered", *"abc"]
)
async def test_an_exchange_that_was_answered_or_refused_is_freed_without_the_collector(lab, acts) -> None:
    def refuse(ex) -> None:
        raise no()

    body = lab.Body(b"{}")
    gone, chain = weakref.ref(body), [lab.placed("one", **dict.fromkeys(acts, refuse))]
    gc.collect()
    gc.disable()
    try:
        await lab.run([], chain, body=body)
        del body
        assert gone() is None
    finally:
        gc.enable()


async def test_a_failure_that_comes_again_while_it_is_told_ends_the_exchange_once(lab) -> None:
    async def read(ex) -> None:
        try:
            await ex.document()
        except Problem as cause:
            raise RuntimeError("nothing to work with") from cause

    async def read_again(ex) -> None:
        await ex.document()

    failing = lab.Body(b"", Problem(problems.REQUEST_TIMEOUT, "late"))
    ex = await lab.run([], [lab.placed("one", step=Step(on_request=read, on_opening=read_again))], body=failing)
    assert (lab.sink.head.status, ex.broken) == (500, None)


async def test_an_endless_answer_opens_at_once_and_keeps_no_piece_in_hand(lab) -> None:
    lab.hop.answer = lab.inbound(b"a", b"b")
    taken, left = lab.upstream_body, []

    async def watched() -> AsyncIterator[bytes]:
        async for piece in taken:
            left.append((len(lab.sink.heads), lab.sink.body))
            yield piece

    lab.hop.answer.body = watched()
    seen: list[bytes] = []
    await lab.run([], pair(lab, two={"seal": lambda ex: seen.append(lab.sink.body)}), route=lab.route(endless=True))
    assert left == [(1, b""), (1, b"a")]
    assert (seen, lab.sink.body, lab.sink.ended) == ([b"ab"], b"ab", True)


async def test_a_refusal_of_an_endless_answer_is_whole_while_its_head_has_not_left(lab) -> None:
    lab.adapter.fails["inbound"] = no()
    await lab.run([], pair(lab), route=lab.route(endless=True))
    assert lab.sink.head.status == 403
