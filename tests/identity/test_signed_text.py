from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.identity.signed_text import Template


@pytest.mark.parametrize(
    ("text", "signed"),
    [
        ("{id}.{timestamp}.{body}", b"m1.17.hello"),
        ("{body}", b"hello"),
        ("v0:{timestamp}:{body}", b"v0:17:hello"),
        ("{timestamp}.{body}", b"17.hello"),
        ("{body}|{timestamp}", b"hello|17"),
        ("<{id}>, {body}".replace(", ", ","), b"<m1>,hello"),
    ],
)
def test_a_text_is_put_together_as_the_template_says(text: str, signed: bytes) -> None:
    assert b"".join(Template.parsed(text).filled(b"m1", b"17", b"hello")) == signed


@pytest.mark.parametrize(
    ("text", "names", "separators"),
    [("{id}.{timestamp}:{body}", {"id", "timestamp", "body"}, b".:"), ("v0:{body}", {"body"}, b"")],
)
def test_a_template_tells_its_fields_and_what_stands_between_them(
    text: str, names: set[str], separators: bytes
) -> None:
    template = Template.parsed(text)
    assert (template.names, template.separators) == (names, frozenset(separators))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{id}.{timestamp}", "without {body}"),
        ("", "without {body}"),
        ("{body}{timestamp}", "punctuation"),
        ("{id}0{body}", "punctuation"),
        ("{id} {body}", "punctuation"),
        ("{id}a.{body}", "punctuation"),
        ("{body}.{body}", "once"),
        ("{url}.{body}", "not {url}"),
        ("{body}.{", "braces"),
        ("{Body}.{body}", "braces"),
        ("{body}\n", "printable"),
        ("ü{body}", "printable"),
        ("{body}" + "." * 128, "at most 128"),
    ],
)
def test_a_template_that_could_be_read_in_two_ways_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Template.parsed(text)


NAMES = ("id", "timestamp", "body")
TEMPLATES = [
    "".join(itertools.chain.from_iterable(zip([f"{{{name}}}" for name in order], separators, strict=True)))
    for order in itertools.permutations(NAMES)
    for separators in ((".", ".", ""), (".", ":", ""), ("::", "-", ""))
]
IDS = st.text("ab1-", min_size=1, max_size=4)
TIMES = st.text("0123", min_size=1, max_size=3)
BODIES = st.text("ab1.:-", max_size=8)


@given(
    st.sampled_from(TEMPLATES),
    st.tuples(IDS, TIMES, BODIES),
    st.tuples(IDS, TIMES, BODIES),
)
def test_no_two_messages_have_the_same_text(text: str, one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    template = Template.parsed(text)
    messages = [tuple(part.encode() for part in message) for message in (one, other)]
    if all(template.separators.isdisjoint(message[0]) for message in messages) and one != other:
        first, second = (b"".join(template.filled(*message)) for message in messages)
        assert first != second
