from __future__ import annotations

import pytest

from kapagate.answer.document import KEY, TooDeep
from kapagate.answer.events import Place
from kapagate.answer.places import is_for_machines, places_in


def test_the_nearest_key_names_the_kind() -> None:
    value = {"title": "a", "items": [{"title": ["b", "c"]}, "d"], "note": {"x": "e"}}
    assert places_in(value, {"title": "title", "items": "passage"}) == (
        Place(("title",), "title"),
        Place(("items", 0, "title", 0), "title"),
        Place(("items", 0, "title", 1), "title"),
        Place(("items", 1), "passage"),
        Place(("note", "x"), "other"),
    )


def test_leaves_out_what_only_damage_could_change() -> None:
    value = ["", "12345678-1234-1234-1234-123456789abc", {"source_url": "https://d/", "n": 1, "null": None}]
    assert places_in(value, untouched={"source_url"}) == ()
    assert places_in("x 12345678-1234-1234-1234-123456789abc") == (Place((), "other"),)


def test_puts_a_path_before_each_place() -> None:
    assert places_in(["a"], beneath=("content",)) == (Place(("content", 0), "other"),)


def test_refuses_values_that_are_too_deep() -> None:
    value: object = "x"
    for _ in range(2_000):
        value = [value]
    with pytest.raises(TooDeep):
        places_in(value)


def test_keys_that_nobody_knows_are_texts_where_names_are_told() -> None:
    value = {"known": {"jane": 1, "": 2, "12345678-1234-1234-1234-123456789abc": "x"}, "list": [{"joe": []}]}
    keys = [place.path for place in places_in(value, names=frozenset({"known", "list"})) if place.path[-1] == KEY]
    assert keys == [("known", "jane", KEY), ("list", 0, "joe", KEY)]
    assert not [place for place in places_in(value) if place.path[-1] == KEY]


@pytest.mark.parametrize(
    "text", ["https://a.example/b?c=d@e", "2026-01-01T00:00:00Z", "upvote", "cD0yMDI=", "", "/a/b"]
)
def test_what_machines_read_is_left_out_under_the_keys_that_are_named(text: str) -> None:
    assert is_for_machines(text)
    assert places_in({"source_url": text, "list": {"source_url": [text]}}, untouched={"source_url"}) == ()


@pytest.mark.parametrize(
    "text", ["mailto:a@b.example", "ask me", "a@b.example", "https://a.example and more", "a\u2003b"]
)
def test_what_only_stands_where_machines_read_is_a_text(text: str) -> None:
    assert places_in({"source_url": text}, untouched={"source_url"}) == (Place(("source_url",), "other"),)
