from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp.streams import StreamReader

from kapagate.chain.problem import Gone, Problem
from kapagate.proxy.body import NO_BODY, ReceivedBody


class Sender:
    """The connection of a body, without a socket."""

    connected = True

    def __init__(self) -> None:
        self.awaited = 0
        self.came = 0
        self.waiting = asyncio.Event()
        self.reader = StreamReader(self, 32, loop=asyncio.get_running_loop())  # type: ignore[arg-type]  # a double

    def await_body(self) -> None:
        self.awaited += 1
        self.waiting.set()

    def body_came(self) -> None:
        self.came += 1

    def pause_reading(self) -> None: ...
    def resume_reading(self, resume_parser: bool = True) -> None: ...

    def body(self, length: int | None) -> Any:
        return ReceivedBody(self.reader, self, length)


async def test_a_body_that_is_here_is_read_without_waiting() -> None:
    sender = Sender()
    sender.reader.feed_data(b"abc")
    sender.reader.feed_data(b"def")
    sender.reader.feed_eof()
    assert await sender.body(6).read(6) == b"abcdef"
    assert sender.awaited == 0


async def test_a_body_that_breaks_right_behind_a_chunk_is_not_waited_for() -> None:
    sender = Sender()
    reading = asyncio.ensure_future(sender.body(None).read(10))
    await sender.waiting.wait()
    sender.reader.begin_http_chunk_receiving()
    sender.reader.feed_data(b"abc")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    sender.reader.end_http_chunk_receiving()
    sender.reader.set_exception(Gone())
    async with asyncio.timeout(5):
        with pytest.raises(Gone):
            await reading


async def test_a_body_is_at_hand_once_it_is_here_whole_and_said_its_length() -> None:
    sender = Sender()
    sender.reader.feed_data(b"abc")
    assert sender.body(6).at_hand() is None
    sender.reader.feed_data(b"def")
    sender.reader.feed_eof()
    assert sender.body(None).at_hand() is None
    assert sender.body(6).at_hand() == b"abcdef"
    assert NO_BODY.at_hand() == b""


async def test_a_body_that_says_it_is_too_large_is_not_waited_for() -> None:
    sender = Sender()
    with pytest.raises(Problem, match="body-too-large"):
        await sender.body(7).read(6)
    assert sender.awaited == 0


async def test_a_body_that_turns_out_too_large_is_refused() -> None:
    sender = Sender()
    sender.reader.feed_data(b"abcd")
    reading = asyncio.ensure_future(sender.body(None).read(6))
    await sender.waiting.wait()
    sender.reader.feed_data(b"efg")
    with pytest.raises(Problem, match="body-too-large"):
        await reading


async def test_streams_pieces_as_they_come() -> None:
    sender = Sender()
    stream = sender.body(None).stream()
    sender.reader.feed_data(b"abc")
    assert await anext(stream) == b"abc"
    following = asyncio.ensure_future(anext(stream))
    await sender.waiting.wait()
    sender.reader.feed_data(b"d")
    assert await following == b"d"
    sender.reader.feed_eof()
    assert [piece async for piece in stream] == []
    assert sender.awaited == sender.came == 1


async def test_who_waits_is_told_what_ended_it() -> None:
    sender = Sender()
    reading = asyncio.ensure_future(sender.body(5).read(6))
    await sender.waiting.wait()
    sender.reader.set_exception(Gone())
    with pytest.raises(Gone):
        await reading
    assert sender.came == 1


async def test_there_is_nothing_in_no_body() -> None:
    assert NO_BODY.length == 0
    assert await NO_BODY.read(0) == b""
    assert [piece async for piece in NO_BODY.stream()] == []


async def test_a_chunked_body_that_is_here_and_too_large_is_refused() -> None:
    sender = Sender()
    sender.reader.feed_data(b"abcdefg")
    sender.reader.feed_eof()
    with pytest.raises(Problem, match="body-too-large"):
        await sender.body(None).read(6)
