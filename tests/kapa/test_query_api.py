from __future__ import annotations

from typing import Any

import pytest

from kapagate.chain.problem import Problem
from kapagate.kapa import operations
from kapagate.kapa.operation import Operation
from kapagate.kapa.operations import KAPAS
from kapagate.kapa.query_api import figures_of, in_kapas_words

ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


@pytest.mark.parametrize(
    ("more", "operation", "params"),
    [
        ({}, operations.CHAT, {"project_id": "default"}),
        ({"stream": False, "thread_id": None}, operations.CHAT, {"project_id": "default"}),
        ({"stream": True}, operations.CHAT_STREAM, {"project_id": "default"}),
        ({"thread_id": ID}, operations.THREAD_CHAT, {"thread_id": ID}),
        ({"thread_id": ID, "stream": True}, operations.THREAD_CHAT_STREAM, {"thread_id": ID}),
    ],
)
def test_stream_and_thread_choose_the_operation(
    more: dict[str, Any], operation: Operation, params: dict[str, str]
) -> None:
    asked = in_kapas_words(operations.QUERY, {}, {"query": "how?", "integration_id": "web", **more})
    assert asked == (operation, params, {"query": "how?"})


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ({}, "query is required"),
        ({"query": "how?", "stream": "true"}, "stream must be true or false"),
        ({"query": "how?", "thread_id": 7}, "thread_id must be a string"),
        ({"query": "how?", "integration_id": {}}, "integration_id must be a string"),
    ],
)
def test_a_query_of_another_shape_is_refused(document: Any, detail: str) -> None:
    with pytest.raises(Problem) as refused:
        in_kapas_words(operations.QUERY, {}, document)
    assert (refused.value.kind.name, refused.value.detail) == ("malformed-body", detail)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            {"question_answer_id": ID, "helpful": True},
            {"question_answer": ID, "reaction": "upvote", "comment": None},
        ),
        (
            {"response_id": ID, "helpful": False, "comment": "wrong"},
            {"question_answer": ID, "reaction": "downvote", "comment": {"issue": "wrong"}},
        ),
        (
            {
                "response_id": ID,
                "question_answer_id": ID,
                "reaction": "downvote",
                "helpful": False,
                "comment": {"incorrect": True},
                "resolution_time_seconds": 12.5,
                "follow_up_count": 2,
                "satisfaction": 4,
            },
            {"question_answer": ID, "reaction": "downvote", "comment": {"incorrect": True}},
        ),
    ],
)
def test_feedback_is_said_in_kapas_words_and_the_figures_stay_here(document: Any, said: Any) -> None:
    assert in_kapas_words(operations.QUERY_FEEDBACK, {}, document) == (operations.FEEDBACK, {}, said)


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ({"helpful": True}, "question_answer_id is required (or response_id)"),
        ({"response_id": ID}, "helpful is required (or reaction)"),
        ({"response_id": "7", "helpful": True}, "response_id must be a UUID"),
        ({"response_id": ID, "helpful": True, "reaction": "downvote"}, "helpful and reaction contradict each other"),
        ({"response_id": ID, "helpful": "yes"}, "helpful must be true or false"),
        ({"response_id": ID, "helpful": True, "follow_up_count": -1}, "follow_up_count must not be negative"),
        ({"response_id": ID, "helpful": True, "satisfaction": "high"}, "satisfaction must be a number"),
    ],
)
def test_feedback_of_another_shape_is_refused(document: Any, detail: str) -> None:
    with pytest.raises(Problem) as refused:
        in_kapas_words(operations.QUERY_FEEDBACK, {}, document)
    assert (refused.value.kind.name, refused.value.detail) == ("malformed-body", detail)


@pytest.mark.parametrize("operation", KAPAS, ids=lambda each: each.name)
def test_kapas_own_operations_stay_as_they_are(operation: Operation) -> None:
    asked: Any = (operation, {"project_id": "p"}, {"query": "how?", "user": {}})
    assert in_kapas_words(*asked) == asked


def test_figures_are_those_of_a_feedback_alone() -> None:
    document = {"response_id": ID, "helpful": True, "satisfaction": 4, "follow_up_count": None}
    assert figures_of(operations.QUERY_FEEDBACK, document) == {"satisfaction": 4}
    assert figures_of(operations.FEEDBACK, document) == {}
