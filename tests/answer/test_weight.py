"""What is let through costs what it may; what is refused would cost more, or nearly. Measured in this process."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapagate.answer.document import Unacceptable, strict_loads
from kapagate.answer.weight import MARGIN, TIMES, TooCostly, check_weight

SIZE = 96 << 10


def repeated(unit: str) -> Callable[[int], bytes]:
    """An array of so many bytes of one value."""

    def made(size: int) -> bytes:
        each = unit.encode()
        return b"[%b]" % b",".join([each] * ((size - 1) // (len(each) + 1)))

    return made


def numbered(unit: str, around: str = "{}") -> Callable[[int], bytes]:
    """Members that differ in a number."""

    def made(size: int) -> bytes:
        members: list[bytes] = []
        while size > 0:
            members.append((unit % len(members)).encode())
            size -= len(members[-1]) + 1
        return around[:1].encode() + b",".join(members) + around[1:].encode()

    return made


def string(text: str, last: str = "") -> Callable[[int], bytes]:
    def made(size: int) -> bytes:
        body = text.encode() * ((size - len(last.encode()) - 2) // len(text.encode()))
        return b'"%b%b"' % (body, last.encode())

    return made


CHEAP = {
    "a string": string("x"),
    "a wide string": string("x", "😀"),
    "a string of two bytes each": string("x", "ш"),
    "cyrillic": string("ш"),
    "emoji": string("😀"),
    "escapes": string("\\n"),
    "a last escape": string("x", "\\n"),
    "escaped letters": string("\\u00e9"),
    "a last escaped emoji": string("x", "\\ud83d\\ude00"),
    "escaped emoji": string("\\ud83d\\ude00"),
    "zeros": repeated("0"),
    "words": repeated("null"),
    "empty strings": repeated('""'),
    "letters": repeated('"a"'),
    "numbers that are there already": repeated("256"),
    "long numbers": repeated("4294967296"),
    "longer strings": repeated('"abcdefghijabcdefghij"'),
    "messages": repeated('{"role": "user", "content": "How do I rotate the signing key of my workspace?"}'),
    "rows": repeated('{"lat": 52.520008, "lon": 13.404954, "name": "Berlin"}'),
    "long keys": numbered('"%040x":0'),
    "pasted JSON": string('{\\"id\\":1,\\"n\\":[]},'),
}
DEAR = {
    "lists": repeated("[]"),
    "objects": repeated("{}"),
    "lists in lists": repeated("[[]]"),
    "deep lists": repeated("[" * 60 + "]" * 60),
    "deep objects": repeated('{"":' * 50 + "0" + "}" * 50),
    "numbers": repeated("999"),
    "negative numbers": repeated("-6"),
    "fractions": repeated("1.5"),
    "short strings": repeated('"ab"'),
    "short cyrillic strings": repeated('"ш"'),
    "short emoji": repeated('"😀"'),
    "short escapes": repeated('"\\n\\n"'),
    "short escaped emoji": repeated('"\\ud83d\\ude00"'),
    "small rows": repeated('{"id":1,"n":5}'),
    "smallest rows": repeated('{"":0}'),
    "keys": numbered('"%x":0'),
    "keys with strings": numbered('"%x":"ab"'),
    "keys with lists": numbered('"%x":[]'),
    "keys with objects": numbered('"%x":{}'),
    "keys in rows": numbered('{"%x":0}', "[]"),
    "cyrillic keys": numbered('"ш%x":0'),
    "emoji in keys": numbered('"😀%x":0'),
    "one key again and again": numbered('"a":%d'),
}
SHAPES = {**CHEAP, **DEAR}


def cost(data: bytes) -> int:
    """The most bytes that reading it takes, itself included."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        with suppress(Unacceptable):
            strict_loads(data)
        return tracemalloc.get_traced_memory()[1] - before + len(data)
    finally:
        tracemalloc.stop()


def passes(data: bytes) -> bool:
    try:
        check_weight(data)
    except TooCostly:
        return False
    return True


def largest(shape: Callable[[int], bytes]) -> bytes:
    """The longest of its kind that passes, within a mebibyte."""
    least, most = 0, 1 << 20
    while most - least > 64:
        middle = (least + most) // 2
        least, most = (middle, most) if passes(shape(middle)) else (least, middle)
    return shape(least)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_longest_text_that_passes_costs_no_more_than_it_may(shape: Callable[[int], bytes]) -> None:
    data = largest(shape)
    assert cost(data) <= TIMES * len(data) + MARGIN


@pytest.mark.parametrize("shape", DEAR.values(), ids=DEAR)
def test_a_text_of_little_but_structure_is_refused(shape: Callable[[int], bytes]) -> None:
    data = shape(SIZE)
    assert not passes(data)
    assert cost(data) > TIMES / 2 * len(data) + MARGIN / 2, "nothing was wrong with it"


@pytest.mark.parametrize("shape", CHEAP.values(), ids=CHEAP)
def test_an_ordinary_text_passes_whatever_its_size(shape: Callable[[int], bytes]) -> None:
    assert passes(shape(1 << 20))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_no_short_text_is_refused(shape: Callable[[int], bytes]) -> None:
    data = shape(4 << 10)[: 4 << 10]
    assert passes(data)
    assert cost(data) <= TIMES * len(data) + MARGIN


values = st.recursive(
    st.one_of(st.none(), st.integers(-999, 99999), st.floats(allow_nan=False), st.text(max_size=12)),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=6), inner, max_size=8),
    max_leaves=30,
)


@settings(deadline=None, max_examples=60)
@given(values, st.booleans())
def test_whatever_passes_costs_no_more_than_it_may(value: object, escaped: bool) -> None:
    unit = json.dumps(value) if escaped else orjson.dumps(value).decode()
    data = repeated(unit)(SIZE)
    if passes(data):
        assert cost(data) <= TIMES * len(data) + MARGIN


@pytest.mark.parametrize("data", [b'"' * 5000, b"}" * 5000, b'"a":' * 2000, b"\xff" * 5000, b"\\" * 5000, b":" * 5000])
def test_what_is_no_json_does_no_harm(data: bytes) -> None:
    passes(data)
