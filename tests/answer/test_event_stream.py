from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.answer.codec import Garbled
from kapagate.answer.event_stream import EVENT_BYTES, EventReader, StreamEvent, written
from tests.answer.toys import bytes_cut

LINES = st.text(alphabet="ab: é😀\0", max_size=6)
EVENTS = st.builds(
    StreamEvent,
    data=st.none() | st.lists(LINES, min_size=1, max_size=3).map("\n".join),
    name=st.sampled_from(["", "error", "a b"]),
    id=st.none() | LINES,
    retry=st.none() | st.just("10"),
    comments=st.lists(LINES, max_size=2).map(tuple),
)


def read(*pieces: bytes) -> list[StreamEvent]:
    reader = EventReader()
    return [event for piece in pieces for event in reader.feed(piece)] + list(reader.end())


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_reads_every_field_whatever_ends_the_lines(end: bytes) -> None:
    lines = [
        b": hello",
        b"event: news",
        b"id:7",
        b"data: one",
        b"data:",
        b"data:  two",
        b"other: x",
        b"retry: 10",
        b"",
        b"",
    ]
    (event,) = read(end.join(lines))
    assert event == StreamEvent("one\n\n two", "news", "7", "10", ("hello",))


def test_the_standards_examples() -> None:
    first = b"data: This is the first message.\n\ndata: This is the second message, it\ndata: has two lines.\n\n"
    assert [event.data for event in read(first)] == [
        "This is the first message.",
        "This is the second message, it\nhas two lines.",
    ]
    assert [event.data for event in read(b"data\n\ndata\ndata\n\ndata:")] == ["", "\n", ""]
    assert [event.data for event in read(b"data:test\n\ndata: test\n\n")] == ["test", "test"]


def test_a_byte_order_mark_before_the_first_line_is_none_of_it() -> None:
    assert read(b"\xef", b"\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n") == [StreamEvent("a")]


def test_an_event_is_there_as_soon_as_its_empty_line_is() -> None:
    reader = EventReader()
    assert list(reader.feed(b"data: a\r\r")) == [StreamEvent("a")]
    assert list(reader.feed(b"\n")) == []
    assert list(reader.feed(b"data: b\n\n")) == [StreamEvent("b")]


def test_what_stands_behind_the_last_empty_line_is_read_too() -> None:
    assert read(b"data: a\n\ndata: b") == [StreamEvent("a"), StreamEvent("b")]
    assert read(b"data: a\n\ndata: b\n") == [StreamEvent("a"), StreamEvent("b")]


@given(
    st.lists(EVENTS, max_size=4), st.sampled_from([b"\n", b"\r", b"\r\n"]), st.lists(st.integers(0, 400), max_size=9)
)
def test_what_is_written_is_read_again_however_it_is_cut(
    events: list[StreamEvent], end: bytes, cuts: list[int]
) -> None:
    raw = b"".join(map(written, events)).replace(b"\n", end)
    expected = [event for event in events if event != StreamEvent()]
    assert read(*bytes_cut(raw, cuts)) == expected
    assert read(*(raw[at : at + 1] for at in range(len(raw)))) == expected


def test_a_text_with_line_ends_in_it_cannot_break_out() -> None:
    assert read(written(StreamEvent("a\rid: 9\r\n\nb", comments=("x\ndata: y",)))) == [
        StreamEvent("a\nid: 9\n\nb", comments=("x", "data: y"))
    ]


@pytest.mark.parametrize("raw", [b"data: \xff\n\n", b"data: " + b"x" * EVENT_BYTES, b"data: x\n" * EVENT_BYTES])
def test_what_is_no_text_or_too_long_is_garbled(raw: bytes) -> None:
    with pytest.raises(Garbled):
        read(raw)


def test_a_long_event_byte_by_byte_is_not_searched_again_and_again() -> None:
    raw = b"data: " + b"x" * 200_000 + b"\n\n"
    assert len(read(*(raw[at : at + 1] for at in range(len(raw))))[0].data or "") == 200_000
