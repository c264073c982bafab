from __future__ import annotations

import asyncio
import weakref
from typing import Any

import pytest

from kapagate.chain.hop import Outbound
from kapagate.chain.problem import Problem
from kapagate.chain.response import Truncated

OK = b"HTTP/1.1 200 OK\r\n"


async def exchange_with(stage: Any, raw: bytes, method: bytes = b"GET", step: int = 1 << 20, close: bool = True) -> Any:
    """One request to an upstream that says `raw`: the inbound answer, its body, and the hop."""

    async def script(peer: Any) -> None:
        await peer.message()
        for at in range(0, len(raw), step):
            await peer.send(raw[at : at + step])
            await asyncio.sleep(0)
        if not close:
            await peer.rest()

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    inbound = await hop.send(Outbound(method, b"/", []), stage.exchange())
    return inbound, b"".join([piece async for piece in inbound.body]), hop


def idle(hop: Any) -> int:
    return sum(len(connections) for connections in hop.pool._idle.values())


BODIES = {
    OK + b"Content-Length: 5\r\n\r\nhello": b"hello",
    OK + b"Content-Length: 0\r\n\r\n": b"",
    OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\n\r\n": b"hello",
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n": b"hello",
    b"HTTP/1.1 204 No Content\r\n\r\n": b"",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n": b"",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok": b"ok",
    b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok": b"ok",
    b"HTTP/1.1 404 caf\xc3\xa9\r\nContent-Length: 2\r\n\r\nok": b"ok",
}


@pytest.mark.parametrize("step", [1, 3, 1 << 20])
@pytest.mark.parametrize(("raw", "expected"), BODIES.items(), ids=[repr(raw[:60]) for raw in BODIES])
async def test_reads_answers_however_they_are_cut_and_keeps_the_connection(
    stage: Any, raw: bytes, expected: bytes, step: int
) -> None:
    inbound, body, hop = await exchange_with(stage, raw, step=step, close=False)
    assert body == expected
    assert inbound.status >= 200
    assert b"x-trailer" not in inbound.headers
    assert b"link" not in inbound.headers
    assert idle(hop) == 1


@pytest.mark.parametrize("step", [1, 1 << 20])
async def test_an_answer_without_length_ends_with_its_connection(stage: Any, step: int) -> None:
    inbound, body, hop = await exchange_with(stage, OK + b"\r\nhello", step=step)
    assert (body, inbound.length) == (b"hello", None)
    assert idle(hop) == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
async def test_who_says_close_is_closed(stage: Any, raw: bytes) -> None:
    _, body, hop = await exchange_with(stage, raw, close=False)
    assert body == b"ok"
    assert idle(hop) == 0


async def test_an_answer_to_head_ends_at_its_headers(stage: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.message()
        await peer.send(OK + b"Content-Length: 5\r\n\r\n")
        await peer.message()
        await peer.send(OK + b"Content-Length: 2\r\n\r\nok")
        await peer.rest()

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    inbound = await hop.send(Outbound(b"HEAD", b"/", []), stage.exchange())
    assert (inbound.length, [piece async for piece in inbound.body]) == (5, [])
    inbound = await hop.send(Outbound(b"GET", b"/", []), stage.exchange())
    assert [piece async for piece in inbound.body] == [b"ok"]
    assert backend.connections == 1


async def test_an_answer_to_head_with_a_body_costs_the_connection(stage: Any) -> None:
    inbound, body, hop = await exchange_with(stage, OK + b"Content-Length: 5\r\n\r\nhello", b"HEAD", close=False)
    assert (inbound.length, body) == (5, b"")
    assert idle(hop) == 0


MALFORMED = [
    b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    OK + b"Content-Length: 2\r\nX: a\r\n folded\r\n\r\nok",
    OK + b"Content-Length: 2\r\nX: a\rSet-Cookie: b\r\n\r\nok",
    OK + b"Content-Length: 2\r\nX: a\0b\r\n\r\nok",
    OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    OK + b"Transfer-Encoding: gzip\r\n\r\nok",
    OK + b"Transfer-Encoding: identity\r\n\r\nok",
    OK + b"Content-Length: +2\r\n\r\nok",
    OK + b"Content-Length: two\r\n\r\nok",
    OK + b"Bad Name: 1\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 99 Odd\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 600 Odd\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 1000 Odd\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 2xx Odd\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\n\r\n" * 9 + OK + b"Content-Length: 2\r\n\r\nok",
    OK + b"a: b\r\n" * 200 + b"Content-Length: 2\r\n\r\nok",
    OK + b"a: " + b"b" * 70_000 + b"\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
    b"hello",
    OK[:10],
]


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("raw", MALFORMED, ids=[repr(raw[:70]) for raw in MALFORMED])
async def test_an_answer_that_cannot_be_read_is_a_502_and_the_connection_ends(
    stage: Any, raw: bytes, whole: bool
) -> None:
    step = 1 << 20 if whole else max(1, len(raw) // 500)
    with pytest.raises(Problem, match="upstream-malformed"):
        await exchange_with(stage, raw, step=step)


async def test_no_answer_at_all_is_an_upstream_that_cannot_be_reached(stage: Any) -> None:
    with pytest.raises(Problem, match="upstream-unreachable"):
        await exchange_with(stage, b"")


TRUNCATED = [
    OK + b"Content-Length: 10\r\n\r\nhello",
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize("raw", TRUNCATED, ids=[repr(raw[17:]) for raw in TRUNCATED])
async def test_an_answer_that_breaks_off_is_truncated(stage: Any, raw: bytes, step: int) -> None:
    with pytest.raises(Truncated):
        await exchange_with(stage, raw, step=step)


@pytest.mark.parametrize(
    "surplus", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"\r\n", b"\r\n\r\n", b"\0"]
)
@pytest.mark.parametrize(
    "answer", [OK + b"Content-Length: 2\r\n\r\nok", OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"]
)
async def test_bytes_behind_an_answer_end_the_connection(stage: Any, answer: bytes, surplus: bytes) -> None:
    _, body, hop = await exchange_with(stage, answer + surplus, close=False)
    assert body == b"ok"
    assert idle(hop) == 0


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
async def test_the_sweep_lets_an_idle_connection_go_of_the_exchange_before(stage: Any, method: bytes) -> None:
    class Facts(dict[Any, Any]):
        """Can be referred to weakly."""

    async def script(peer: Any) -> None:
        await peer.message()
        await peer.send(OK + b"Content-Length: 2\r\n\r\n" + (b"ok" if method == b"GET" else b""))
        await peer.rest()

    exchange = stage.exchange()
    exchange.facts = Facts()
    known = weakref.ref(exchange.facts)
    hops = stage.hops()
    hop = hops.open((await stage.backend(script)).endpoint)
    inbound = await hop.send(Outbound(method, b"/", []), exchange)
    assert len(b"".join([piece async for piece in inbound.body])) in (0, 2)
    assert (idle(hop), exchange.times.answered) == (1, stage.clock.now)
    del exchange
    hops.sweep()
    assert (idle(hop), known()) == (1, None)


async def test_a_byte_on_an_idle_connection_ends_it(stage: Any) -> None:
    unasked = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.message()
        await peer.send(OK + b"Content-Length: 2\r\n\r\nok")
        await unasked.wait()
        await peer.send(OK + b"Content-Length: 4\r\n\r\nevil")
        await peer.rest()

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    inbound = await hop.send(Outbound(b"GET", b"/", []), stage.exchange())
    assert [piece async for piece in inbound.body] == [b"ok"]
    assert idle(hop) == 1
    unasked.set()
    async with asyncio.timeout(10):
        await backend.lost.wait()
    await stage.until(lambda: not (hop.pool.connections))
    assert idle(hop) == 0


async def test_an_answer_that_came_whole_takes_no_further_turn_of_the_loop(stage: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.message()
        await peer.send(OK + b"Content-Length: 2\r\n\r\nok")
        await peer.rest()

    hop = stage.hops().open((await stage.backend(script)).endpoint)
    inbound = await hop.send(Outbound(b"GET", b"/", []), stage.exchange())
    step = inbound.body.__anext__()
    with pytest.raises(StopIteration) as done:
        step.send(None)
    assert done.value.value == b"ok"
    assert idle(hop) == 1
