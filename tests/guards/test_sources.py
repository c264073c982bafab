"""Sources that may not be named leave their lists, and what stands behind them is still guarded."""

from __future__ import annotations

import pytest

from kapagate.answer.document import value_at
from kapagate.answer.events import Other, Sources, Uncertain
from kapagate.answer.places import places_in
from kapagate.answer.refusal import Refused
from kapagate.guards.sources import Named, SourceRule

PUBLIC = {"source_url": "https://docs.example/keys", "title": "Keys"}
INTERNAL = {"source_url": "https://docs.example/internal/salaries", "title": "Salaries"}
DRAFT = {"source_url": "https://docs.example/draft", "title": "DRAFT: keys"}


def rule(allow: tuple[Named, ...] = (), deny: tuple[Named, ...] = ()) -> SourceRule:
    return SourceRule(allow, deny)


def test_what_is_denied_leaves_the_list() -> None:
    guard = rule(deny=(Named(url="https://docs.example/internal/*"), Named(title="draft*")))
    assert guard(Sources([PUBLIC, INTERNAL, DRAFT])).value == [PUBLIC]


def test_only_what_is_allowed_stays_and_denial_wins() -> None:
    guard = rule(allow=(Named(url="https://docs.example/*"),), deny=(Named(url="*/draft", title="draft*"),))
    other = {"source_url": "https://elsewhere.example/", "title": "Keys"}
    assert guard(Sources([PUBLIC, other, DRAFT])).value == [PUBLIC]


def test_patterns_are_no_expressions_and_cover_the_whole_address() -> None:
    guard = rule(deny=(Named(url="https://docs.example/(a|b)"), Named(url="docs.example/keys")))
    lists = Sources([PUBLIC, {"source_url": "https://docs.example/a"}])
    assert guard(lists) is lists


def test_passages_leave_with_their_address_wherever_their_list_stands() -> None:
    guard = rule(deny=(Named(url="*/internal/*"),))
    page = {"results": [{**INTERNAL, "content": "secret"}, {**PUBLIC, "content": "open"}], "page": 1}
    assert guard(Other(page)).value == {"results": [{**PUBLIC, "content": "open"}], "page": 1}
    assert guard(Other([INTERNAL, [INTERNAL, 3, "x"]])).value == [[3, "x"]]


def test_a_document_by_itself_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        rule(deny=(Named(url="*/internal/*"),))(Other({**INTERNAL, "content": "secret"}))
    assert refused.value.kind == "source"


def test_places_go_along_with_what_moved() -> None:
    value = {"results": [INTERNAL, {"source_url": "https://a", "x": ["one"]}, INTERNAL, {"note": "two", **PUBLIC}]}
    left = rule(deny=(Named(url="*/internal/*"),))(Other(value, places_in(value, untouched={"source_url"})))
    assert [(place.path, value_at(left.value, place.path)) for place in left.places] == [
        (("results", 0, "x", 0), "one"),
        (("results", 1, "note"), "two"),
        (("results", 1, "title"), "Keys"),
    ]


def test_what_has_no_address_is_no_source() -> None:
    guard = rule(allow=(Named(url="https://docs.example/*"),))
    for record in (Other({"answer": "a"}), Other([{"id": 1}, "text"]), Uncertain(True)):
        assert guard(record) is record
    assert guard.allows({"source_url": None})


def test_addresses_with_halves_of_characters_are_compared_and_not_raised() -> None:
    guard = rule(deny=(Named(url="https://docs.example/*"),))
    assert guard(Sources([{"source_url": "https://docs.example/\ud800"}])).value == []
