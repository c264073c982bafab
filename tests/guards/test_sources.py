"""Sources that may not be named leave their lists, and what stands behind them is still guarded."""

from __future__ import annotations

import pytest

from kapagate.answer.document import value_at
from kapagate.answer.events import Other, Sources, Uncertain
from kapagate.answer.places import places_in
from kapagate.answer.refusal import Refused
from kapagate.guards.sources import Named, NamedSources, Seen, SourceRule, address, distinct

PUBLIC = {"source_url": "https://docs.example/keys", "title": "Keys"}
INTERNAL = {"source_url": "https://docs.example/internal/salaries", "title": "Salaries"}
DRAFT = {"source_url": "https://docs.example/draft", "title": "DRAFT: keys"}


def rule(allow: tuple[Named, ...] = (), deny: tuple[Named, ...] = (), internal: bool = False) -> SourceRule:
    return SourceRule(NamedSources(allow, deny, internal))


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
    assert NamedSources((Named(url="https://docs.example/*"),), ()).allows({"source_url": None})


def test_addresses_with_halves_of_characters_are_compared_and_not_raised() -> None:
    guard = rule(deny=(Named(url="https://docs.example/*"),))
    assert guard(Sources([{"source_url": "https://docs.example/\ud800"}])).value == []


def test_what_kapa_calls_internal_leaves_with_its_address_or_without() -> None:
    guard = rule(internal=True)
    marked = {**PUBLIC, "contains_internal_data": True}
    plain = {**DRAFT, "contains_internal_data": False}
    assert guard(Sources([marked, plain, PUBLIC])).value == [plain, PUBLIC]
    assert guard(Other([{"id": 1, "contains_internal_data": True}, {"id": 2}])).value == [{"id": 2}]
    assert rule()(Sources([marked])).value == [marked]
    with pytest.raises(Refused):
        guard(Other({"name": "tickets", "contains_internal_data": True}))


def test_what_was_in_the_lists_is_remembered() -> None:
    guard = rule(deny=(Named(title="draft*"),))
    guard(Sources([PUBLIC, DRAFT, INTERNAL]))
    assert guard.seen == Seen(
        {address(PUBLIC["source_url"]), address(INTERNAL["source_url"])}, {DRAFT["source_url"]}, 1
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://docs.example/internal/a#part",
        "http://docs.example/internal/a",
        "HTTPS://DOCS.example:443/internal/a",
        "https://docs.example/%69nternal/a?x=1",
    ],
)
def test_a_page_is_denied_however_its_address_is_written(url: str) -> None:
    assert not NamedSources((), (Named(url="https://docs.example/internal/*"),)).allows({"source_url": url})


def test_parts_of_a_page_are_allowed_with_it() -> None:
    named = NamedSources((Named(url="https://docs.example/keys"),), ())
    assert named.allows({"source_url": "https://docs.example/keys#create"})
    assert not named.allows({"source_url": "https://docs.example/keys/old"})


def test_a_page_counts_once_however_often_it_is_named() -> None:
    urls = ["https://a.example/x", "https://A.example/x#one", "https://a.example:443/x#two", "https://a.example/y"]
    assert distinct({"source_url": url, "title": str(at)} for at, url in enumerate(urls)) == 2
    assert distinct([{"title": "a"}, {"title": "a"}, {"title": "b"}, "c", "c"]) == 3
    assert address("https://[") == "https://["
