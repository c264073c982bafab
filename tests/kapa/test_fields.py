from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.chain.problem import Problem
from kapagate.kapa import fields
from kapagate.kapa.fields import Shape, taken

ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


@pytest.mark.parametrize(
    ("shape", "value", "sent"),
    [
        (fields.text, "", ""),
        (fields.texts, ["https://d/x"], ["https://d/x"]),
        (fields.uuid, ID.upper(), ID.upper()),
        (fields.uuids, [ID], [ID]),
        (fields.uuids, [], None),
        (fields.flag, False, False),
        (fields.integer, -3, -3),
        (fields.count, 0, 0),
        (fields.number, 4.5, 4.5),
        (fields.duration, 12, 12.0),
        (fields.choice("up", "down"), "down", "down"),
        (fields.origin, {"origin_url": "https://d/x"}, {"origin_url": "https://d/x"}),
        (fields.origin, {"other": "x"}, None),
        (fields.comment, "wrong", {"issue": "wrong"}),
        (fields.comment, "17", {"issue": "17"}),
        (fields.comment, {"issue": "wrong", "incorrect": True, "name": "Ann"}, {"issue": "wrong", "incorrect": True}),
        (fields.comment, {"irrelevant": False, "issue": None}, {"irrelevant": False}),
        (fields.comment, '{"issue":"a \\"b\\"\\n","unaddressed":true}', {"issue": 'a "b"\n', "unaddressed": True}),
    ],
)
def test_what_has_its_shape_passes(shape: Shape, value: Any, sent: Any) -> None:
    assert shape(value) == sent


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (fields.text, ["x"]),
        (fields.texts, "x"),
        (fields.texts, ["x", 1]),
        (fields.uuid, "me@example.org"),
        (fields.uuid, f"{ID}\n"),
        (fields.uuids, ID),
        (fields.uuids, [ID, "ann"]),
        (fields.flag, 1),
        (fields.integer, True),
        (fields.integer, "1"),
        (fields.count, -1),
        (fields.number, "4"),
        (fields.number, False),
        (fields.duration, -0.5),
        (fields.choice("up", "down"), ["up"]),
        (fields.origin, "https://d/x"),
        (fields.origin, {"origin_url": 1}),
        (fields.origin, {"origin_url": "https://[d/x"}),
        (fields.comment, ["wrong"]),
        (fields.comment, {"issue": ["wrong"]}),
        (fields.comment, {"incorrect": "my number is 1"}),
    ],
)
def test_what_has_another_shape_is_refused(shape: Shape, value: Any) -> None:
    with pytest.raises(ValueError, match=r"^(must|has) "):
        shape(value)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://d.example/a/b?token=1#at", "https://d.example/a/b"),
        ("https://ann:pw@d.example:8443/a", "https://d.example:8443/a"),
        ("/docs/page?x#y", "/docs/page"),
        ("https://d.example?x@y", "https://d.example"),
    ],
)
def test_an_origin_url_loses_user_query_and_fragment(url: str, kept: str) -> None:
    assert fields.origin({"origin_url": url}) == {"origin_url": kept}


@pytest.mark.parametrize("url", ["mailto:ann@d.example", "ann@d.example", "data:text/plain,ann", "", "https:ann"])
def test_an_origin_url_that_is_no_page_is_dropped(url: str) -> None:
    assert fields.origin({"origin_url": url}) is None


def test_an_issue_in_other_escapes_than_the_guards_could_read_is_refused() -> None:
    with pytest.raises(ValueError, match="send it as an object"):
        fields.comment('{"issue":"me\\u0040example.org"}')


@given(st.text())
def test_a_comment_wrapped_by_the_widget_arrives_unwrapped(issue: str) -> None:
    wrapped = orjson.dumps({"issue": issue, "incorrect": True}).decode()
    assert fields.comment(wrapped) == {"issue": issue, "incorrect": True}


def test_fields_without_a_shape_are_dropped_and_null_is_as_good_as_absent() -> None:
    assert taken({"a": "x", "b": None, "c": "y"}, {"a": fields.text, "b": fields.text}) == {"a": "x"}


@pytest.mark.parametrize("document", [None, [], "x", 1])
def test_a_body_that_is_no_object_is_refused(document: Any) -> None:
    with pytest.raises(Problem) as refused:
        taken(document, {})
    assert (refused.value.kind.name, refused.value.detail) == ("malformed-body", "the body must be a JSON object")


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ({"query": 1}, "query must be a string"),
        ({"query": "x", "stream": "yes"}, "stream must be true or false"),
        ({"stream": True}, "query is required"),
        ({"query": None}, "query is required"),
    ],
)
def test_a_refusal_names_the_field(document: Any, detail: str) -> None:
    with pytest.raises(Problem) as refused:
        taken(document, {"query": fields.text, "stream": fields.flag}, "query")
    assert (refused.value.kind.status, refused.value.detail) == (400, detail)
