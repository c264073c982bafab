from __future__ import annotations

from typing import Any

import orjson
import pytest

from kapagate.chain.headers import Headers
from kapagate.chain.hop import Inbound, Outbound
from kapagate.chain.problem import Problem
from kapagate.chain.upstream import Upstream
from kapagate.kapa.enquiry import LONGEST, Enquiry, answers_of
from tests.chain.conftest import Pieces, ScriptedHop, ToyAdapter
from tests.exchanges import CHAT, exchange

ANN, BOB = "a" * 32, "b" * 32
THREAD = "1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
ANSWER = "7D1F2C3B-4A5E-4F60-8A71-92B3C4D5E6F7"


def thread(*people: Any, **more: Any) -> dict[str, Any]:
    answers = [{"id": ANSWER, "end_user": person} for person in people]
    return {"id": THREAD, "question_answers": answers, **more}


def named(identifier: str) -> dict[str, str]:
    return {"id": "1", "identifier": identifier}


@pytest.mark.parametrize(
    "told",
    [
        thread(named(ANN)),
        thread(named(ANN), named(ANN)),
        thread(named(ANN), None),
        thread({"unique_client_id": ANN, "identifier": ANN}),
        thread({"unique_client_id": ANN, "identifier": None}),
        thread(None, end_user=named(ANN)),
    ],
)
def test_a_thread_is_the_callers_when_nobody_else_took_part(told: Any) -> None:
    assert answers_of(orjson.dumps(told), ANN) == [ANSWER.lower()] * len(told["question_answers"])


@pytest.mark.parametrize(
    "told",
    [
        thread(named(BOB)),
        thread(named(ANN), named(BOB)),
        thread(named(ANN), end_user=named(BOB)),
        thread({"unique_client_id": ANN, "identifier": BOB}),
        thread({"name": ANN}),
        thread(named(ANN), {"id": "1"}),
        thread(None),
        thread(ANN),
        thread(),
        thread(named(ANN.upper())),
        {"id": THREAD},
        {"question_answers": {"end_user": named(ANN)}},
        [],
        None,
    ],
)
def test_a_thread_in_which_somebody_else_or_nobody_is_named_is_not_the_callers(told: Any) -> None:
    assert answers_of(orjson.dumps(told), ANN) is None


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"end_user"', None])
def test_what_is_no_json_says_nothing(body: bytes | None) -> None:
    assert answers_of(body, ANN) is None


def test_ids_of_answers_that_are_none_are_passed_over() -> None:
    told = thread(named(ANN)) | {"question_answers": [{"id": 7, "end_user": named(ANN)}, "x", {"end_user": named(ANN)}]}
    assert answers_of(orjson.dumps(told), ANN) == []


def asked(status: int, *script: bytes | BaseException) -> tuple[Enquiry, Any, Pieces]:
    body = Pieces(*script)
    hop = ScriptedHop(Inbound(status, Headers([]), body))
    ex = exchange(CHAT)
    ex.route = type(CHAT)(
        **{name: getattr(CHAT, name) for name in ("name", "methods", "template", "permission")},
        operation="chat",
        upstream=Upstream("kapa", ToyAdapter(), hop),
    )
    return Enquiry(lambda _, name: Outbound(b"GET", name.encode(), [])), ex, body


async def test_kapa_is_asked_for_the_thread() -> None:
    enquiry, ex, body = asked(200, orjson.dumps(thread(named(ANN))))
    assert await enquiry(ex, THREAD, ANN) == [ANSWER.lower()]
    assert ex.route.upstream.hop.sent[0].target == THREAD.encode()
    assert body.released


async def test_the_times_of_the_exchange_are_those_of_the_question() -> None:
    enquiry, ex, _ = asked(200, orjson.dumps(thread(named(ANN))))
    await enquiry(ex, THREAD, ANN)
    assert (ex.times.sent, ex.times.answered) == (0.0, 0.0)


async def test_what_kapa_does_not_know_is_nobodys() -> None:
    enquiry, ex, body = asked(404, b'{"detail": "Not found."}')
    assert await enquiry(ex, THREAD, ANN) is None
    assert body.released


@pytest.mark.parametrize("status", [204, 301, 400, 401, 403, 429, 500, 503])
async def test_when_kapa_does_not_say_nobody_is_let_in_and_nothing_is_said_of_the_thread(status: int) -> None:
    enquiry, ex, body = asked(status, b"")
    with pytest.raises(Problem) as refused:
        await enquiry(ex, THREAD, ANN)
    assert refused.value.kind.name == "unavailable"
    assert body.released


async def test_an_endless_thread_is_not_read_to_its_end() -> None:
    enquiry, ex, body = asked(200, *[b" " * 2**20] * 4, AssertionError("read on"))
    assert LONGEST < 4 * 2**20
    assert await enquiry(ex, THREAD, ANN) is None
    assert body.closed
