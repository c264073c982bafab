from __future__ import annotations

import orjson
import pytest

from kapagate.standin.errors import KapaError
from kapagate.standin.fields import Fields, read_fields

ONE = "11111111-1111-4111-8111-111111111111"


def problems(fields: Fields) -> object:
    with pytest.raises(KapaError) as caught:
        fields.check()
    assert caught.value.status == 400
    return caught.value.body


def test_reads_good_fields_and_ignores_unknown_ones() -> None:
    body = {"query": "q", "top_k": 3, "ids": [ONE], "redact_query": True, "mode": "deep", "limit": 7, "user": {}}
    fields = read_fields("application/json", orjson.dumps(body))
    assert fields.text("query") == "q"
    assert fields.integer("top_k", 1, 15, 15) == 3
    assert fields.uuids("ids") == [ONE]
    assert fields.flag("redact_query") is True
    assert fields.choice("mode", ("default", "deep"), "default") == "deep"
    fields.dictionary("user")
    fields.check()


def test_absent_fields_have_their_defaults() -> None:
    fields = Fields({})
    assert fields.integer("top_k", 1, 15, 15) == 15
    assert fields.choice("mode", ("default", "deep"), "default") == "default"
    assert fields.uuid("integration_id") is None
    assert (fields.uuids("a"), fields.texts("b"), fields.flag("c")) == ([], [], False)
    fields.check()


def test_reports_all_problems_at_once() -> None:
    fields = Fields({"top_k": 16, "query": ""})
    fields.text("query")
    fields.integer("top_k", 1, 15, 15)
    assert problems(fields) == {
        "query": ["This field may not be blank."],
        "top_k": ["Ensure this value is less than or equal to 15."],
    }


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "This field is required."),
        ({"query": None}, "This field may not be null."),
        ({"query": 7}, "Not a valid string."),
        ({"query": "  "}, "This field may not be blank."),
    ],
)
def test_a_question_is_a_text(value: dict[str, object], message: str) -> None:
    fields = Fields(value)
    fields.text("query")
    assert problems(fields) == {"query": [message]}


@pytest.mark.parametrize("value", [0, 16, "many", True, 1.5])
def test_bounds_hold(value: object) -> None:
    fields = Fields({"top_k": value})
    fields.integer("top_k", 1, 15, 15)
    assert problems(fields)


def test_wrong_shapes_are_reported() -> None:
    fields = Fields({"a": "x", "b": ["x"], "c": [1], "d": "x", "e": 1, "f": "x", "g": "x"})
    fields.uuid("a")
    fields.uuids("b")
    fields.texts("c")
    fields.uuids("d")
    fields.flag("e")
    fields.dictionary("f")
    fields.choice("g", ("up", "down"))
    fields.choice("h", ("up", "down"))
    fields.uuid("i", required=True)
    found = problems(fields)
    assert isinstance(found, dict)
    assert set(found) == set("abcdefghi")


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/plain", b"{}", 415),
        ("application/json", b"", 400),
        ("application/json", b"{", 400),
        ("application/json", b"[1]", 400),
    ],
)
def test_refuses_what_is_no_json_object(content_type: str, body: bytes, status: int) -> None:
    with pytest.raises(KapaError) as caught:
        read_fields(content_type, body)
    assert caught.value.status == status
