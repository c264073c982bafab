"""The whole chain on what is read of Kapa: every operation that lists, whatever the guard does with it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from kapagate.kapa.operation import Operation
from kapagate.kapa.readings import READINGS
from tests.filters.gateway import CARD, EMAIL, SHIPPED, THREAD, UUID, Gateway, Told, inbound

SHARED: dict[str, Gateway] = {}
EVERY = pytest.mark.parametrize("operation", READINGS, ids=lambda each: each.name)
TIME = "2026-11-23T12:00:00.123456Z"


def gateway(action: str) -> Gateway:
    if action not in SHARED:
        SHARED[action] = Gateway(f"  - guard_answer: {{pii: {action}, max_response_length: 40}}\n    id: answer")
    return SHARED[action]


def listing(text: str, size: int = 1) -> Any:
    """A value that has something of every list of Kapa's, with a text wherever one can stand."""
    turn = {"id": UUID, "question": text, "answer": text, "created_at": TIME, "end_user": {"identifier": text}}
    item = {
        "id": THREAD,
        "name": text,
        "email": text,
        "description": text,
        "created_at": TIME,
        "latest_thread_id": THREAD,
        "question_answers": [turn],
        "sub_groups": [{"id": UUID, "name": text}],
        "statistics": {"total_query_count": 4111, "total_queries_by_language": [{"iso": "en", "name": text}]},
    }
    cluster = {
        "id": UUID,
        "title": text,
        "summary": text,
        "suggestion": text,
        "threads": [{"id": THREAD, "initial_answer": text}],
    }
    many = [item] * size
    return {
        **item,
        "results": many,
        "clusters": [cluster] * size,
        "periods": [{"id": UUID, "interval": "weekly", "start_date": "2026-11-16"}],
        "period": {"id": UUID},
        "statistics_by_integration": many,
        "next_cursor": "cD00MTExMTExMTExMTExMTEx",
    }


async def told(action: str, operation: Operation, text: str, **more: Any) -> Told:
    answer = inbound(orjson.dumps(listing(text)))
    return await gateway(action).ask(operation.name, b"", answer, who="bob", method="GET", **more)


@EVERY
async def test_personal_data_is_redacted_wherever_a_text_stands_and_nothing_else_changes(operation: Operation) -> None:
    answer = await told("redact", operation, f"Ann: {EMAIL}, {CARD}")
    cleaned = listing("Ann: <email>, <card>")
    shown = set(cleaned) - {"results", "clusters"} if operation.ids else set(cleaned)
    assert answer.status == 200
    assert {key: answer.document[key] for key in shown} == {key: cleaned[key] for key in shown}
    assert EMAIL.encode() not in answer.body
    assert answer.verdict("answer")["outcome"] == "passed"
    assert answer.verdict("answer")["edits"]["email"] > 0


@EVERY
async def test_an_answer_with_personal_data_is_refused_whole(operation: Operation) -> None:
    answer = await told("refuse", operation, f"Ann: {EMAIL}")
    assert answer.problem == (422, "answer-refused", "answer", "email")
    assert (await told("refuse", operation, "Nobody.")).status == 200


@EVERY
async def test_the_longest_answer_is_no_bound_for_lists(operation: Operation) -> None:
    answer = await told("redact", operation, "a sentence that is longer than forty characters are")
    assert b"are" in answer.body


@EVERY
async def test_the_shipped_chain_has_nothing_against_it(operation: Operation) -> None:
    shipped = SHARED.setdefault("shipped", Gateway(SHIPPED))
    answer = await shipped.ask(operation.name, b"", inbound(orjson.dumps(listing("x"))), who="bob", method="GET")
    assert answer.status == 200
    assert (await shipped.ask(operation.name, b"", who="ann", method="GET")).problem[:3] == (403, "forbidden", "rbac")


@EVERY
async def test_what_is_not_json_is_not_let_through(operation: Operation) -> None:
    answer = inbound(b"<html>ann@d.example</html>", content_type="text/html")
    refused = await gateway("redact").ask(operation.name, b"", answer, who="bob", method="GET")
    assert refused.problem[:2] == (502, "upstream-uninspectable")


@EVERY
async def test_sources_that_are_denied_leave_every_list(operation: Operation) -> None:
    guard = SHARED.setdefault(
        "deny", Gateway("  - guard_answer: {pii: allow, sources: {deny: ['*/internal/*']}, at_end: disclaim}")
    )
    cited = [{"source_url": f"https://docs.example/{each}/x", "title": each} for each in ("internal", "open")]
    value = {
        "statistics": {"cited": cited},
        "question_answers": [{"id": UUID, "relevant_sources": cited}],
        "id": THREAD,
    }
    told = await guard.ask(operation.name, b"", inbound(orjson.dumps(value)), who="bob", method="GET")
    assert told.document["statistics"]["cited"] == cited[1:]
    assert b"internal" not in told.body
    assert told.verdict("guard_answer")["answer"] == "enforced"


async def test_a_session_has_nothing_to_guard_and_its_token_is_whole() -> None:
    token = {"session_token": f"{CARD}", "expires_at": TIME}
    answer = await gateway("refuse").ask("agent_session", b"", inbound(orjson.dumps(token)), who="bob")
    assert (answer.status, answer.document) == (200, token)
    assert answer.verdict("answer")["reason"] == "nothing_to_guard"
