from __future__ import annotations

import orjson
import pytest

from kapagate.chain import problems
from kapagate.chain.outlet import Cut, Outlet
from kapagate.chain.problem import BackendFailed, Problem
from kapagate.chain.response import Response
from kapagate.chain.upstream import Innermost


def outlet(lab, *placed, response: Response | None = None) -> tuple[Outlet, object]:
    ex = lab.exchange([], placed)
    ex.response = response or Response(200, [(b"A", b"b")])
    return Outlet(ex, lab.sink, lab.clock), ex


async def test_the_first_piece_takes_the_head_along(lab) -> None:
    out, ex = outlet(lab)
    ex.headers_out.append((b"C", b"d"))
    assert not out.opened
    await out.write(b"one", last=False)
    await out.write(b"two", last=True)
    assert out.opened
    assert lab.sink.head.headers == [(b"A", b"b"), (b"C", b"d"), (b"X-Correlation-ID", b"corr-1")]
    assert (lab.sink.pieces, lab.sink.ended) == ([b"one", b"two"], True)
    assert (ex.status, ex.sent_bytes, ex.times.opened) == (200, 6, 100.0)


async def test_the_first_text_is_told_when_it_leaves_not_when_the_head_does(lab) -> None:
    out, ex = outlet(lab)
    await out.write(b"no text", last=False)
    assert (ex.times.opened, ex.times.told) == (100.0, 0.0)
    lab.clock.now += 5
    ex.report.delivered = 3
    await out.write(b"text", last=False)
    lab.clock.now += 5
    await out.write(b"more", last=True)
    assert (ex.times.opened, ex.times.told) == (100.0, 105.0)


async def test_text_that_leaves_with_the_head_is_told_with_it(lab) -> None:
    out, ex = outlet(lab)
    ex.report.delivered = 3
    await out.write(b"text", last=True)
    assert (ex.times.opened, ex.times.told) == (100.0, 100.0)


async def test_fields_of_the_answer_are_not_written_to(lab) -> None:
    out, ex = outlet(lab)
    ex.headers_out.append((b"C", b"d"))
    await out.write(b"", last=True)
    assert ex.response.headers == [(b"A", b"b")]


async def test_the_opening_goes_on_behind_the_hook_that_failed(lab) -> None:
    chain = [lab.placed("one"), lab.placed("two", opening=Problem(problems.FORBIDDEN, "no")), lab.placed("three")]
    out, ex = outlet(lab, *chain)
    with pytest.raises(Problem):
        await out.write(b"x", last=False)
    assert (ex.step, lab.sink.heads) == ("two", [])
    ex.refusal = Problem(problems.FORBIDDEN, "no")
    await out.write(b"y", last=False)
    assert lab.log == ["opening three", "opening two", "opening one"]
    assert lab.sink.pieces == [b"y"]


async def test_seal_hooks_run_after_opening_hooks_and_before_the_last_piece(lab) -> None:
    out, _ = outlet(lab, lab.placed("one", seal=lambda ex: lab.log.append(f"sent {lab.sink.body!r}")))
    await out.write(b"a", last=False)
    await out.write(b"b", last=True)
    assert lab.log == ["opening one", "seal one", "sent b'a'"]


async def test_no_step_is_at_work_when_the_hooks_are_done(lab) -> None:
    out, ex = outlet(lab, lab.placed("one"))
    await out.write(b"a", last=True)
    assert ex.step == ""


def test_a_refusal_before_the_head_is_a_whole_problem(lab) -> None:
    out, _ = outlet(lab)
    response = out.refusal(Problem(problems.RATE_LIMITED, "slow", retry_after=3))
    assert (response.status, response.local, response.codec) == (429, True, None)
    assert (b"Retry-After", b"3") in response.headers
    assert response.length


async def body_of(response: Response) -> bytes:
    return b"".join([piece async for piece in response.body])


async def test_the_problem_carries_decision_and_correlation_id(lab) -> None:
    out, ex = outlet(lab)
    document = orjson.loads(await body_of(out.refusal(Problem(problems.FORBIDDEN, "no"))))
    assert (document["decision"], document["correlation_id"]) == (ex.decision, "corr-1")


async def test_a_refusal_after_the_head_is_the_codecs_own_words(lab) -> None:
    out, _ = outlet(lab, response=Response(200, codec=lab.PlainCodec()))
    await out.write(b"a", last=False)
    response = out.refusal(Problem(problems.FORBIDDEN, "no"))
    assert await body_of(response) == b"<error: no>"
    assert response.codec is None


@pytest.mark.parametrize("words", [None, False])
async def test_a_refusal_after_the_head_without_words_is_a_cut(lab, words: bool | None) -> None:
    codec = None if words is None else lab.PlainCodec(words)
    out, _ = outlet(lab, response=Response(200, codec=codec))
    await out.write(b"a", last=False)
    with pytest.raises(Cut):
        out.refusal(Problem(problems.FORBIDDEN, "no"))


def identifies(lab, hook) -> tuple[Outlet, object]:
    ex = lab.exchange(route=lab.route(innermost=Innermost("toy.own", on_identifiers=hook)))
    ex.response = Response(200)
    return Outlet(ex, lab.sink, lab.clock), ex


async def test_identifiers_wait_until_the_upstreams_own_step_has_noted_them(lab) -> None:
    noted = []

    async def note(ex, identifiers) -> None:
        noted.append((ex.step, dict(identifiers), lab.sink.body))

    out, ex = identifies(lab, note)
    await out.write(b"text", last=False)
    ex.report.identifiers = {"thread_id": "t"}
    await out.write(b"ids", last=True)
    assert noted == [("toy.own", {"thread_id": "t"}, b"text")]
    assert (ex.step, ex.report.identifiers, lab.sink.body) == ("", None, b"textids")


async def test_identifiers_that_cannot_be_noted_do_not_leave(lab) -> None:
    async def fail(ex, identifiers) -> None:
        raise BackendFailed("no disk")

    out, ex = identifies(lab, fail)
    ex.report.identifiers = {"thread_id": "t"}
    with pytest.raises(BackendFailed):
        await out.write(b"ids", last=True)
    assert (ex.step, lab.sink.heads) == ("toy.own", [])


async def test_nobody_notes_the_identifiers_of_an_answer_that_a_refusal_replaces(lab) -> None:
    async def fail(ex, identifiers) -> None:
        raise BackendFailed("no disk")

    out, ex = identifies(lab, fail)
    ex.report.identifiers, ex.refusal = {"thread_id": "t"}, Problem(problems.FORBIDDEN, "no")
    await out.write(b"refused", last=True)
    assert lab.sink.body == b"refused"


async def test_identifiers_leave_at_once_where_nobody_notes_them(lab) -> None:
    out, ex = outlet(lab)
    ex.report.identifiers = {"thread_id": "t"}
    await out.write(b"ids", last=True)
    assert lab.sink.body == b"ids"


def test_a_route_tells_refusals_in_the_words_of_its_own_protocol(lab) -> None:
    def tell(ex, problem: Problem) -> Response:
        return Response.whole(200, [], f"{ex.decision[:1]} {problem.detail}".encode())

    ex = lab.exchange(route=lab.route(tells=tell))
    told = Outlet(ex, lab.sink, lab.clock).refusal(Problem(problems.FORBIDDEN, "no"))
    assert (told.status, told.length) == (200, 4)
