from __future__ import annotations

from typing import Any

import pytest

from kapagate.standin import conversations
from kapagate.standin.history import PAST
from kapagate.standin.operations import chat, feedback, thread_chat
from kapagate.standin.specimens import SPECIMENS
from tests.standin.calls import Kapa

INTEGRATION = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


@pytest.fixture
def kapa() -> Kapa:
    return Kapa()


def every(kapa: Kapa, **query: str) -> list[dict[str, Any]]:
    """All threads, by cursor."""
    found, cursor = [], ""
    while cursor is not None:
        page = kapa.ask(conversations.threads, {**query, "page_size": "2", "cursor": cursor})
        found += page["results"]
        cursor = page["next_cursor"]
    return found


def test_what_was_asked_is_listed_with_what_came_of_it(kapa: Kapa) -> None:
    body = {"query": "How?", "integration_id": INTEGRATION, "user": {"unique_client_id": "c9"}}
    made = kapa.ask(chat, body=body)
    kapa.ask(thread_chat, body={"query": "And then?"}, thread_id=made["thread_id"])
    said = {"question_answer": made["question_answer_id"], "reaction": "downvote", "user_identifier": "c9"}
    kapa.ask(feedback, body={**said, "comment": {"issue": "wrong"}})
    (thread, *past) = every(kapa, include="feedback,end_user")
    first, second = thread["question_answers"]
    assert len(past) == PAST
    assert (thread["id"], thread["integration_id"]) == (made["thread_id"], INTEGRATION)
    assert (first["question"], first["answer"]) == ("How?", made["answer"])
    assert first["feedback"] == [{"reaction": "downvote", "comment": {"issue": "wrong"}}]
    assert (first["end_user"]["identifier"], second["end_user"]) == ("c9", None)
    assert thread == {
        **kapa.ask(conversations.thread, {"include": "feedback,end_user"}, thread_id=thread["id"]),
        **thread,
    }


def test_threads_are_sorted_and_narrowed(kapa: Kapa) -> None:
    newest = [each["last_activity_at"] for each in every(kapa)]
    assert newest == sorted(newest, reverse=True)
    assert [each["last_activity_at"] for each in every(kapa, sort="asc")] == sorted(newest)
    assert len(every(kapa, updated_since=newest[2])) == 3
    assert every(kapa, integration=INTEGRATION) == every(kapa, custom_tags=INTEGRATION) == []
    assert len(every(kapa, status_tag="null")) == PAST


def test_long_threads_are_cut_in_lists_alone(kapa: Kapa) -> None:
    made = kapa.ask(chat, body={"query": "0"})
    for number in range(11):
        kapa.ask(thread_chat, body={"query": str(number)}, thread_id=made["thread_id"])
    listed = every(kapa)[0]
    assert (len(listed["question_answers"]), listed["has_more_question_answers"]) == (10, True)
    whole = kapa.ask(conversations.thread, thread_id=made["thread_id"])
    assert (len(whole["question_answers"]), whole["has_more_question_answers"]) == (12, False)


def test_a_thread_of_another_project_is_not_found(kapa: Kapa) -> None:
    thread = every(kapa)[0]["id"]
    assert kapa.refusal(conversations.thread, key="k2", thread_id=thread) == (404, {"detail": "Not found."})


def test_end_users_are_sought_ordered_and_counted(kapa: Kapa) -> None:
    people = kapa.ask(conversations.end_users)["results"]
    (known,) = kapa.ask(conversations.end_users, {"has_email": "true"})["results"]
    assert known["email"] == SPECIMENS["email"]
    assert kapa.ask(conversations.end_users, {"search": SPECIMENS["email"][:5]})["results"] == [known]
    ordered = kapa.ask(conversations.end_users, {"ordering": "latest_activity_at"})["results"]
    assert ordered == people[::-1]
    assert sum(each["question_answer_count"] for each in people) == PAST


def test_activity_counts_what_was_asked_and_how_it_was_liked(kapa: Kapa) -> None:
    before = kapa.ask(conversations.activity)["aggregate_statistics"]
    assert (before["total_query_count"], before["total_downvotes"], before["total_uncertain_query_count"]) == (
        PAST,
        1,
        1,
    )
    api = next(each for each in kapa.ask(conversations.integrations) if each["integration_type"] == "API")
    kapa.ask(chat, body={"query": "q", "integration_id": api["id"]})
    one = kapa.ask(conversations.activity, {"integration_filter": api["id"]})
    assert one["aggregate_statistics"]["total_query_count"] == 1
    assert [each["integration"]["id"] for each in one["statistics_by_integration"]] == [api["id"]]
    assert (
        kapa.ask(conversations.activity, {"end_date_time": "2020-01-01T00:00:00Z"})["aggregate_statistics"][
            "total_query_count"
        ]
        == 0
    )
