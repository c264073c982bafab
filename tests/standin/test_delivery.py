from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.standin import DEFAULT_PROJECTS, Faults, StandIn
from kapagate.standin.call import Reply
from kapagate.standin.delivery import is_cut, slice_body

PROJECT, KEY = next(iter(DEFAULT_PROJECTS.items()))
REPLY = (b"abc", b"de", b"fghi")


def sliced(pieces: tuple[bytes, ...] = REPLY, **faults: Any) -> list[bytes]:
    return slice_body(Reply(pieces, Faults(**faults)))


def test_pieces_stay_as_they_were_made() -> None:
    assert sliced() == [b"abc", b"de", b"fghi"]


def test_pieces_have_the_size_that_is_asked_for() -> None:
    assert sliced(cut_pieces=4) == [b"abcd", b"efgh", b"i"]


def test_a_cut_ends_the_body_early() -> None:
    assert sliced(cut=4) == [b"abc", b"d"]
    assert sliced(cut=0) == []
    assert sliced(cut=4, cut_pieces=3) == [b"abc", b"d"]


def test_a_single_piece_is_halved_so_that_it_can_stall() -> None:
    assert sliced((b"abcde",), stall=1.0) == [b"abc", b"de"]


@given(st.lists(st.binary(min_size=1), max_size=9), st.integers(0, 60), st.none() | st.integers(1, 9))
def test_slices_are_a_prefix_of_the_body(pieces: list[bytes], cut: int, size: int | None) -> None:
    reply = Reply(tuple(pieces), Faults(cut=cut, cut_pieces=size))
    body = b"".join(pieces)
    assert b"".join(slice_body(reply)) == body[:cut]
    assert is_cut(reply) == (cut < len(body))


async def test_latency_passes_before_the_first_byte_and_a_stall_after_the_first_piece() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with StandIn(sleep=sleep, faults={"latency": 2.5, "stall": 60}) as kapa, aiohttp.ClientSession() as session:
        body = {"query": "q"}
        url = f"{kapa.url}/query/v1/projects/{PROJECT}/chat/"
        async with session.post(url, json=body, headers={"X-API-Key": KEY}) as answer:
            assert (await answer.json())["answer"]
    assert slept == [2.5, 60]


async def exchange(query: str, operation: str) -> tuple[bytes, bytes]:
    """Head and body as they came over the wire, until the connection was closed."""
    async with StandIn() as kapa:
        host, port = kapa.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        body = b'{"query":"%s"}' % query.encode()
        head = f"POST /query/v1/projects/{PROJECT}/{operation}/ HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answered = await reader.read()
        writer.close()
        await writer.wait_closed()
    before, _, after = answered.partition(b"\r\n\r\n")
    return before, after


async def test_a_cut_json_answer_ends_short_of_its_length() -> None:
    head, body = await exchange("[[cut=200]] q", "chat")
    assert b"Content-Length: " in head
    assert len(body) == 200


async def test_a_cut_stream_ends_without_its_last_chunk() -> None:
    head, body = await exchange("[[cut=200]] q", "chat/stream")
    assert b"Transfer-Encoding: chunked" in head
    assert b'{"chunk":{"type":"partial_answer"' in body
    assert not body.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("operation", ["chat", "chat/stream"])
async def test_small_pieces_add_up_to_the_same_answer(operation: str) -> None:
    url = f"/query/v1/projects/{PROJECT}/{operation}/"
    headers = {"X-API-Key": KEY}
    bodies = []
    for query in ("[[echo]] the words", "[[echo]] [[cut-pieces=1]] the words"):
        async with (
            StandIn() as kapa,
            aiohttp.ClientSession(kapa.url, headers=headers) as session,
            session.post(url, json={"query": query}) as answer,
        ):
            bodies.append(await answer.read())
    assert bodies[0] == bodies[1]
