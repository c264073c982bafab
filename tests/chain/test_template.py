from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.chain.template import Parameter, opaque_prefix, overlap, parse_template


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("/", ("",)),
        ("/chat", ("chat",)),
        ("/chat/", ("chat", "")),
        ("/v1/{thread_id}/chat/", ("v1", Parameter("thread_id"), "chat", "")),
        ("/crm/{rest:*}", ("crm", Parameter("rest", rest=True))),
        ("/a-b.c_d~e", ("a-b.c_d~e",)),
        ("/caf%C3%A9", ("caf%C3%A9",)),
    ],
)
def test_a_template_is_its_segments(text: str, segments: tuple[object, ...]) -> None:
    assert parse_template(text) == segments


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "starts with '/'"),
        ("chat", "starts with '/'"),
        ("/{a}/{a}", "each parameter once"),
        ("/{rest:*}/x", "last segment"),
        ("/{rest:*}/", "last segment"),
        ("/a//b", "no empty segments"),
        ("//", "no empty segments"),
        ("/{}", "is no parameter"),
        ("/{A}", "is no parameter"),
        ("/{1a}", "is no parameter"),
        ("/{a:b}", "is no parameter"),
        ("/{:*}", "is no parameter"),
        ("/v{a}", "takes a whole segment"),
        ("/{a}.json", "takes a whole segment"),
        ("/a b", "can never match"),
        ("/café", "can never match"),
        ("/a;b", "can never match"),
        ("/..", "can never match"),
        ("/a?b", "can never match"),
        ("/%61", "canonical form"),
        ("/%c3%a9", "canonical form"),
        ("/a%2Fb", "can never match"),
    ],
)
def test_a_template_that_cannot_work_says_why(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        parse_template(text)


@given(st.text(alphabet="/{}:*ab._%2", max_size=12))
def test_any_text_is_a_template_or_a_sentence(text: str) -> None:
    try:
        segments = parse_template("/" + text)
    except ValueError:
        return
    assert len(segments) == text.count("/") + 1


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("/a", "/a", True),
        ("/a", "/b", False),
        ("/a", "/a/", False),
        ("/{x}", "/a", True),
        ("/{x}", "/", False),
        ("/{x}/b", "/a/{y}", True),
        ("/{x}/b", "/a/c", False),
        ("/a/{rest:*}", "/a", False),
        ("/a/{rest:*}", "/a/", True),
        ("/a/{rest:*}", "/a/b/c", True),
        ("/a/{rest:*}", "/b/c", False),
        ("/{rest:*}", "/", True),
        ("/{rest:*}", "/a/{x}", True),
    ],
)
def test_templates_overlap_when_some_path_matches_both(one: str, other: str, both: bool) -> None:
    left, right = parse_template(one), parse_template(other)
    assert overlap(left, right) is both
    assert overlap(right, left) is both


@pytest.mark.parametrize(
    ("template", "prefix"),
    [
        ("/files/{rest:*}", "/files/"),
        ("/files/v1/{rest:*}", "/files/v1/"),
        ("/{rest:*}", "/"),
        ("/files/{one}/{rest:*}", ""),
        ("/files/{rest}", ""),
        ("/files", ""),
        ("/files/", ""),
        ("", ""),
    ],
)
def test_an_opaque_path_has_words_before_its_one_parameter(template: str, prefix: str) -> None:
    assert opaque_prefix(template) == prefix
