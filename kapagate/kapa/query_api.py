"""The gateway's own small API, said in Kapa's words.

    POST /api/kapa/query     {query, thread_id?, stream?, integration_id?}
    POST /api/kapa/feedback  {question_answer_id (or response_id), helpful or reaction, comment?, and three figures}

    GET /query/v1            ?query=        Kapa's own addresses of old, where the policy lists them
    GET /query/v1/stream     ?query=

The answer is exactly Kapa's. `integration_id` is accepted and not sent: the tenant's own is. The figures
(`resolution_time_seconds`, `follow_up_count`, `satisfaction`) are checked and stay here, in the gateway's record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kapagate.kapa import operations
from kapagate.kapa.fields import malformed, taken
from kapagate.kapa.operation import Operation

_FIGURES = ("resolution_time_seconds", "follow_up_count", "satisfaction")
_REACTIONS = {True: "upvote", False: "downvote"}
_CHATS = {
    (False, False): operations.CHAT,
    (False, True): operations.CHAT_STREAM,
    (True, False): operations.THREAD_CHAT,
    (True, True): operations.THREAD_CHAT_STREAM,
}
_ANY_PROJECT = {"project_id": "default"}
_LEGACY = {operations.LEGACY_QUERY: operations.CHAT, operations.LEGACY_QUERY_STREAM: operations.CHAT_STREAM}

Asked = tuple[Operation, Mapping[str, str], Any]
"""Kapa's operation, the parameters of its path as the client sent them, its body as the client might have sent it."""


def in_kapas_words(operation: Operation, params: Mapping[str, str], document: Any) -> Asked:
    """What is asked of Kapa; Kapa's own operations stay as they are. Raises Problem `malformed-body`."""
    if not operation.ours:
        return operation, params, document
    if operation in _LEGACY:
        return _LEGACY[operation], _ANY_PROJECT, document
    asked = taken(document, operation.fields, operation.required)
    return _query(asked) if operation is operations.QUERY else _feedback(asked)


def figures_of(operation: Operation, document: Any) -> dict[str, float]:
    """The figures of a feedback that was read already, which Kapa has no place for."""
    if operation is not operations.QUERY_FEEDBACK:
        return {}
    return {name: document[name] for name in _FIGURES if document.get(name) is not None}


def _query(asked: dict[str, Any]) -> Asked:
    thread = asked.get("thread_id")
    operation = _CHATS[thread is not None, asked.get("stream", False)]
    params = _ANY_PROJECT if thread is None else {"thread_id": thread}
    return operation, params, {"query": asked["query"]}


def _feedback(asked: dict[str, Any]) -> Asked:
    document = {
        "question_answer": _one_of(asked, "question_answer_id", "response_id"),
        "reaction": _reaction(asked),
        "comment": asked.get("comment"),
    }
    return operations.FEEDBACK, {}, document


def _reaction(asked: dict[str, Any]) -> Any:
    if "helpful" in asked:
        asked = {**asked, "helpful": _REACTIONS[asked["helpful"]]}
    return _one_of(asked, "helpful", "reaction")


def _one_of(asked: dict[str, Any], one: str, other: str) -> Any:
    """The value of two names for the same thing."""
    values = {asked[name] for name in (one, other) if name in asked}
    if not values:
        raise malformed(f"{one} is required (or {other})")
    if len(values) > 1:
        raise malformed(f"{one} and {other} contradict each other")
    return values.pop()
