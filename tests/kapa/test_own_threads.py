from __future__ import annotations

from typing import Any

import pytest

from kapagate.answer.events import Other, Uncertain
from kapagate.chain.problem import Problem
from kapagate.kapa.listings import ListingCodec, places_of
from kapagate.kapa.operations import OPERATIONS
from kapagate.kapa.own_threads import OwnThreads, lists_of_threads

OWN, FOREIGN = "1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f", "2c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f"


def seen(operation: str, value: Any) -> Other:
    record = OwnThreads({OWN}, lists_of_threads(OPERATIONS[operation].ids)).of(Other(value, places_of(value)))
    assert isinstance(record, Other)
    return record


def threads(*ids: Any) -> list[dict[str, Any]]:
    return [{"id": each, "question_answers": [{"question": f"of {each}", "answer": "yes"}]} for each in ids]


@pytest.mark.parametrize(
    ("operation", "lists"),
    [
        ("threads", (("results",),)),
        ("top_question_clusters", (("clusters", None, "threads"),)),
        ("coverage_gap_clusters", (("clusters", None, "threads"),)),
        ("thread", ()),
        ("end_users", ()),
        ("chat", ()),
        ("feedback", ()),
    ],
)
def test_the_lists_of_threads_follow_from_where_ids_stand(operation: str, lists: Any) -> None:
    assert lists_of_threads(OPERATIONS[operation].ids) == lists


def test_the_threads_of_others_are_taken_out_of_a_list() -> None:
    page = {"results": threads(FOREIGN, OWN.upper(), FOREIGN), "next_cursor": "abc"}
    record = seen("threads", page)
    assert record.value == {"results": threads(OWN.upper()), "next_cursor": "abc"}
    assert record.places == places_of(record.value)
    assert page["results"] == threads(FOREIGN, OWN.upper(), FOREIGN)


def test_a_list_of_ones_own_stays_as_it_is() -> None:
    page = {"results": threads(OWN), "next_cursor": None}
    assert seen("threads", page).value is page


@pytest.mark.parametrize("item", [{"id": 7}, {}, "text", None, [OWN], {"id": None}])
def test_what_names_no_thread_is_nobodys(item: Any) -> None:
    assert seen("threads", {"results": [item]}).value == {"results": []}


def test_the_threads_of_others_are_taken_out_of_clusters() -> None:
    page = {"clusters": [{"title": "t", "threads": threads(OWN, FOREIGN)}, {"title": "u"}, {"threads": None}]}
    told = [{"title": "t", "threads": threads(OWN)}, {"title": "u"}, {"threads": []}]
    assert seen("top_question_clusters", page).value == {"clusters": told}


@pytest.mark.parametrize(
    "value", [threads(FOREIGN), {"threads": threads(FOREIGN)}, {"results": {"a": 1}}, {}, "x", None]
)
def test_a_list_of_another_shape_is_refused_and_not_passed(value: Any) -> None:
    with pytest.raises(Problem) as refused:
        seen("threads", value)
    assert refused.value.kind.name == "upstream-uninspectable"


def test_other_records_are_left_alone() -> None:
    record = Uncertain(True)
    assert OwnThreads({OWN}, [("results",)]).of(record) is record


def test_what_is_left_is_what_the_codec_writes() -> None:
    codec = ListingCodec()
    rule = OwnThreads({OWN}, [("results",)])
    codec.decode(b'{"results":[{"id":"' + FOREIGN.encode() + b'"},{"id":"' + OWN.encode() + b'"}]}')
    events = [rule.of(event) for event in codec.end()]
    assert codec.finish(events) == b'{"results":[{"id":"' + OWN.encode() + b'"}]}'
