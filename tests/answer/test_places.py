from __future__ import annotations

import pytest

from kapagate.answer.document import TooDeep
from kapagate.answer.events import Place
from kapagate.answer.places import places_in


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
