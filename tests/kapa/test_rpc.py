from __future__ import annotations

from typing import Any

import orjson
import pytest

from kapagate.chain import problems
from kapagate.chain.edit import RequestEdit
from kapagate.chain.problem import Kind, Problem
from kapagate.kapa.rpc import error, messages_of, refused, request_ids
from tests.exchanges import exchange

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {}}
NOTE = {"jsonrpc": "2.0", "method": "notifications/initialized"}
ANSWER = {"jsonrpc": "2.0", "id": "a", "result": {}}


@pytest.mark.parametrize("document", [CALL, NOTE, ANSWER, {**ANSWER, "id": 0}, [CALL, NOTE, ANSWER]])
def test_messages_and_batches_of_them_are_read(document: Any) -> None:
    assert messages_of(document) == (document if isinstance(document, list) else [document])


@pytest.mark.parametrize(
    "document",
    [
        *(
            [],
            "x",
            None,
            1,
            [[CALL]],
            [CALL, 1],
            {**CALL, "jsonrpc": "1.0"},
            {**CALL, "id": None},
            {**CALL, "id": True},
        ),
        *({**CALL, "id": 1.5}, {**CALL, "params": []}, {**CALL, "result": 1}, {"jsonrpc": "2.0", "id": 1}),
        *({"jsonrpc": "2.0", "result": 1}, {**ANSWER, "error": {}}, {**CALL, "method": None}),
    ],
)
def test_what_is_no_message_is_malformed(document: Any) -> None:
    with pytest.raises(Problem) as caught:
        messages_of(document)
    assert caught.value.kind is problems.MALFORMED_BODY


def test_only_requests_wait_for_an_answer() -> None:
    assert request_ids([CALL, NOTE, ANSWER, {**CALL, "id": "b"}, {**CALL, "id": []}, 7]) == [1, "b"]
    assert request_ids({**CALL, "id": True}) == []
    assert request_ids(None) == []


def test_an_error_has_its_data_where_there_is_any() -> None:
    assert error(None, -32000, "no") == {"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": "no"}}
    assert error(1, -32000, "no", {"a": 1})["error"]["data"] == {"a": 1}


@pytest.mark.parametrize(
    ("kind", "document", "status", "ids"),
    [
        (problems.QUESTION_REFUSED, CALL, 200, 1),
        (problems.ANSWER_REFUSED, [CALL, NOTE, {**CALL, "id": 2}], 200, [1, 2]),
        (problems.ANSWER_REFUSED, NOTE, 422, None),
        (problems.RATE_LIMITED, CALL, 429, 1),
        (problems.UPSTREAM_UNREACHABLE, [NOTE], 502, None),
    ],
)
def test_what_is_about_a_message_is_an_answer_to_it(kind: Kind, document: Any, status: int, ids: Any) -> None:
    ex = exchange()
    ex.edit = RequestEdit(document)
    told = refused(ex, Problem(kind, "no", retry_after=3))
    body = orjson.loads(b"".join(_pieces(told.body)))
    assert told.status == status
    assert ([each["id"] for each in body] if isinstance(body, list) else body["id"]) == ids
    assert dict(told.headers)[b"Content-Type"] == b"application/json"
    assert dict(told.headers)[b"Retry-After"] == b"3"


def _pieces(body: Any) -> list[bytes]:
    step = body.asend(None)
    try:
        step.send(None)
    except StopIteration as piece:
        return [piece.value]
    raise AssertionError("a whole body waits for nothing")
