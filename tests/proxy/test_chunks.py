from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.proxy.chunks import LONGEST_LINE, Chunks

BODY = b"5\r\nhello\r\nB;a=b;c\r\n0\r\n\r\n\r\n\r\n12\r\n" + b'3;a="b;\\"c"\r\nend\r\n0;last\r\n'
TRAILERS = b"A: b\r\nC: d\r\n"
BEHIND = b"GET / HTTP/1.1\r\n\r\n"


def taken(pieces: list[bytes]) -> tuple[int, bool]:
    chunks = Chunks()
    return sum(chunks.take(piece) for piece in pieces), chunks.over


@pytest.mark.parametrize("trailers", [b"", TRAILERS])
@given(places=st.lists(st.integers(0, 120)))
def test_finds_the_end_of_the_body_whatever_the_cuts(trailers: bytes, places: list[int]) -> None:
    data = BODY + trailers + b"\r\n" + BEHIND
    cuts = [0, *sorted(places), len(data)]
    pieces = [data[start:end] for start, end in pairwise(cuts)]
    assert taken(pieces) == (len(data) - len(BEHIND), True)


@pytest.mark.parametrize("trailers", [b"", TRAILERS])
def test_is_not_over_before_its_last_byte(trailers: bytes) -> None:
    data = BODY + trailers + b"\r\n"
    for end in range(len(data)):
        assert taken([data[:end]]) == (end, False)


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"5g", b"+5", b"0x5", b" 5", b"5 ", b"5\t", b"\xff", b"00000000000000005", b"5\0"),
        *(b"5;", b"5;=b", b"5;a=", b"5 ;a", b"5; a", b"5;a b", b'5;a="b', b'5;a="b"c', b"5;a,b", b"5;a\0"),
        *(b'5;a="\n"', b'5;a="\r"', b'5;a="\r\n"', b'5;a="\\\n"', b'5;a="\0"', b"5;a\rb", b"5\r"),
    ],
)
def test_refuses_a_line_that_others_might_read_otherwise(line: bytes) -> None:
    with pytest.raises(ValueError, match="line is none"):
        Chunks().take(line + b"\r\nhello\r\n0\r\n\r\n")


def test_refuses_a_bare_line_feed() -> None:
    with pytest.raises(ValueError, match="line is none"):
        Chunks().take(b"5\nhello\r\n")


def test_refuses_a_line_without_bound() -> None:
    chunks = Chunks()
    chunks.take(b"5;" + b"a" * (LONGEST_LINE - 2))
    with pytest.raises(ValueError, match="too long"):
        chunks.take(b"a")
