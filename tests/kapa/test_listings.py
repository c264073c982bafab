from __future__ import annotations

from typing import Any

import orjson
import pytest

from kapagate.answer.document import value_at
from kapagate.answer.events import Other
from kapagate.kapa.listings import ListingCodec, PagedCodec

UUID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
TIME = "2026-11-23T12:00:00.123456Z"
THREADS = {
    "results": [
        {
            "id": UUID,
            "created_at": TIME,
            "last_activity_at": None,
            "integration_id": None,
            "question_answers": [
                {
                    "id": UUID,
                    "question": "I am ann@d.example",
                    "answer": "Hello ann@d.example",
                    "created_at": TIME,
                    "is_uncertain": False,
                    "end_user": {"id": UUID, "identifier": "ann@d.example"},
                    "feedback": [{"reaction": "downvote", "comment": {"issue": "wrong for Ann"}}],
                    "query_type": "conversation",
                }
            ],
            "custom_tags": [{"id": UUID, "name": "urgent", "description": "calls Ann"}],
        }
    ],
    "next_cursor": "cD00MTExMTExMTExMTExMTEx",
}
CLUSTERS = {
    "period": {"id": UUID, "interval": "weekly", "start_date": "2026-11-16", "end_date": "2026-11-22"},
    "clusters": [
        {
            "id": UUID,
            "title": "Ann's card",
            "summary": "Ann asked",
            "suggestion": "Write to Ann",
            "threads": [{"id": UUID, "created_at": TIME, "initial_question": "q?", "initial_answer": "a."}],
        }
    ],
    "next_cursor": None,
    "previous_cursor": None,
}


def kinds(value: Any) -> dict[str, str]:
    """What a guard sees: the texts with their kinds."""
    codec = ListingCodec()
    list(codec.decode(orjson.dumps(value)))
    (event,) = codec.end()
    assert isinstance(event, Other)
    return {value_at(value, place.path): place.kind for place in event.places}


def test_questions_answers_and_comments_of_threads_are_texts_and_nothing_that_machines_read_is() -> None:
    assert kinds(THREADS) == {
        "I am ann@d.example": "question",
        "Hello ann@d.example": "answer",
        "ann@d.example": "other",
        "wrong for Ann": "comment",
        "urgent": "other",
        "calls Ann": "other",
    }


def test_clusters_show_titles_summaries_and_what_was_asked_first() -> None:
    assert kinds(CLUSTERS) == {
        "Ann's card": "title",
        "Ann asked": "passage",
        "Write to Ann": "passage",
        "q?": "question",
        "a.": "answer",
    }


def test_a_bare_array_is_a_listing_as_well() -> None:
    assert kinds([{"id": UUID, "name": "Ann's bot", "integration_type": "API"}]) == {"Ann's bot": "other"}


def test_a_session_token_is_never_damaged() -> None:
    assert kinds({"session_token": "eyJ" + "a" * 40, "expires_at": TIME}) == {}


@pytest.mark.parametrize("value", [THREADS, CLUSTERS, [], {"results": []}])
def test_what_no_rule_changes_leaves_as_it_came(value: Any) -> None:
    codec = ListingCodec()
    list(codec.decode(orjson.dumps(value)))
    assert orjson.loads(codec.finish(codec.end())) == value


def test_the_links_of_a_page_are_the_gateways_and_nothing_else_is_touched() -> None:
    link = "https://api.kapa.ai/x/?page=2"
    page = {"count": 9, "next": link, "previous": None, "results": [{"next": link}]}
    codec = PagedCodec(lambda url: url and "https://ask.example/?page=2")
    list(codec.decode(orjson.dumps(page)))
    told = orjson.loads(codec.finish(codec.end()))
    assert told == {**page, "next": "https://ask.example/?page=2"}


def test_a_page_without_links_gets_none() -> None:
    codec = PagedCodec(lambda url: "x")
    list(codec.decode(b'[{"next":1}]'))
    assert codec.finish(codec.end()) == b'[{"next":1}]'
