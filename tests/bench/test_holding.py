"""Streams that are held open, without a gateway: straight from the upstream."""

from __future__ import annotations

import asyncio
import os

import pytest

from bench.census import agrees
from bench.entrant import Running, bearer
from bench.holding import PAUSE, Held, Watch, at_once, held, told
from bench.load import CONNECTIONS
from bench.process import Process
from bench.site import Upstream, opened
from bench.upstream import Answering, pieces, whole


class Itself(Process):
    """This process, where a gateway's would be."""

    def resident_bytes(self) -> int:
        return 1000 + os.getpid() * 0


async def test_all_streams_are_held_and_whole() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(loop, whole(), pieces(), 0.001), "127.0.0.1", 0)
    with opened() as site:
        port = server.sockets[0].getsockname()[1]
        process = Itself(None)  # type: ignore[arg-type]  # nothing of its child is asked
        question = bearer(streamed=True)(site.keys, Upstream(process, port, "upstream"))[0]
        async with server:
            streams = await held(port, question, 20, 5000.0, Watch(Running(process, port, 0.0)))
    assert [each.ended is not None for each in streams] == [True] * 20


async def test_memory_is_of_each_stream_and_who_fails_counts() -> None:
    loop = asyncio.get_running_loop()
    with opened() as site:
        question = bearer(streamed=True)(site.keys, None)[0]  # type: ignore[arg-type]  # a bearer asks any upstream the same
    streams = [Held(question, loop) for _ in range(4)]
    for each in streams[:3]:
        each.begun, each.open, each.ended = 1.0, 1.1, 1.0 + PAUSE * 39 + 0.05
    found = told(streams, before=1000, samples=[1000, 5000, 3000])
    assert found["bytes_each"] == pytest.approx(4000 / 3)
    assert (found["whole"], found["failed"], found["open"]) == (3, 1, 3)
    assert found["delay"] == pytest.approx(50.0)


def test_a_client_agrees_with_nginx_when_the_difference_was_under_way() -> None:
    assert agrees(100, 100)
    assert agrees(100, 100 + CONNECTIONS)
    assert not agrees(100, 99)
    assert not agrees(100, 101 + CONNECTIONS)


def test_streams_are_open_at_once_when_they_have_a_moment_in_common() -> None:
    assert at_once([(0.0, 2.0), (1.0, 3.0), (2.5, 4.0)]) == 2
    assert at_once([(0.0, 1.0), (1.0, 2.0)]) == 1
    assert at_once([]) == 0
