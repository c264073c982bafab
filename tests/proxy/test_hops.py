from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from kapagate.chain import problems
from kapagate.chain.hop import Endpoint, Outbound
from kapagate.chain.problem import Gone, Problem
from kapagate.chain.response import Truncated

GET = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def answering(peer: Any) -> None:
    while True:
        await peer.message()
        await peer.send(OK)


def ask(method: bytes = b"GET", target: bytes = b"/", **options: Any) -> Outbound:
    return Outbound(method, target, options.pop("headers", []), **options)


def joined(chunks: bytes) -> bytes:
    """The body that was sent in these chunks."""
    body = b""
    while chunks != b"0\r\n\r\n":
        size, _, rest = chunks.partition(b"\r\n")
        body += rest[: int(size, 16)]
        chunks = rest[int(size, 16) + 2 :]
    return body


async def read(inbound: Any) -> bytes:
    return b"".join([piece async for piece in inbound.body])


async def test_the_same_endpoint_gets_the_same_hop(stage: Any) -> None:
    hops = stage.hops()
    endpoint = Endpoint("a", "127.0.0.1", 1)
    assert hops.open(endpoint) is hops.open(replace(endpoint))
    assert hops.open(endpoint) is not hops.open(replace(endpoint, connections=1))


async def test_uses_one_connection_for_one_request_after_the_other(stage: Any) -> None:
    backend = await stage.backend(answering)
    hop = stage.hops().open(backend.endpoint)
    for _ in range(3):
        assert await read(await hop.send(ask(), stage.exchange())) == b"ok"
    assert backend.connections == 1


async def test_sends_one_host_our_framing_and_the_fields_as_they_are(stage: Any) -> None:
    heads: list[tuple[bytes, bytes]] = []

    async def record(peer: Any) -> None:
        while True:
            heads.append(await peer.message())
            await peer.send(OK)

    backend = await stage.backend(record)
    hop = stage.hops().open(backend.endpoint)
    fields = [(b"Host", b"evil"), (b"x-Odd", b"\xc3\xa9\xff"), (b"Connection", b"close"), (b"Content-Length", b"99")]
    await read(await hop.send(ask(b"POST", b"/a?b", headers=fields, body=b"abc"), stage.exchange()))
    await read(await hop.send(ask(b"POST", b"/", body=b""), stage.exchange()))
    await read(await hop.send(ask(b"DELETE", b"/"), stage.exchange()))
    authority, via = b"Host: %b\r\n" % backend.endpoint.authority.encode(), b"Via: 1.1 kapagate\r\n"
    assert heads[0] == (
        b"POST /a?b HTTP/1.1\r\n" + authority + b"x-Odd: \xc3\xa9\xff\r\n" + via + b"Content-Length: 3\r\n\r\n",
        b"abc",
    )
    assert heads[1][0] == b"POST / HTTP/1.1\r\n" + authority + via + b"Content-Length: 0\r\n\r\n"
    assert heads[2][0] == b"DELETE / HTTP/1.1\r\n" + authority + via + b"\r\n"


async def test_answers_come_without_hop_by_hop_fields(stage: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.message()
        await peer.send(
            b"HTTP/1.1 200 Fine\r\nConnection: X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nSet-Cookie: a\r\n"
            b"set-cookie: b\r\nContent-Length: 0\r\n\r\n"
        )
        await peer.rest()

    hop = stage.hops().open((await stage.backend(script)).endpoint)
    inbound = await hop.send(ask(), stage.exchange())
    assert inbound.headers.raw == [
        (b"Set-Cookie", b"a"),
        (b"set-cookie", b"b"),
        (b"Content-Length", b"0"),
        (b"Via", b"1.1 kapagate"),
    ]
    assert inbound.length == 0


async def test_notes_when_it_was_asked_and_answered(stage: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.message()
        stage.clock.now += 3
        await peer.send(OK)
        await peer.rest()

    hop = stage.hops().open((await stage.backend(script)).endpoint)
    exchange = stage.exchange()
    before = stage.clock.now
    await read(await hop.send(ask(), exchange))
    assert (exchange.times.sent, exchange.times.answered) == (before, before + 3)


async def test_streams_a_body_of_known_length(stage: Any) -> None:
    seen: list[bytes] = []

    async def script(peer: Any) -> None:
        _, body = await peer.message()
        seen.append(body)
        await peer.send(OK)
        await peer.rest()

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"ab", b"", b"cd"):
            yield piece

    hop = stage.hops().open((await stage.backend(script)).endpoint)
    assert await read(await hop.send(ask(b"POST", body=pieces(), length=4), stage.exchange())) == b"ok"
    assert seen == [b"abcd"]


async def test_streams_a_body_of_unknown_length_in_chunks_and_keeps_the_connection(stage: Any) -> None:
    seen: list[bytes] = []

    async def script(peer: Any) -> None:
        while True:
            _, body = await peer.message()
            seen.append(body)
            await peer.send(OK)

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"ab", b"", b"cd"):
            yield piece

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    for _ in range(2):
        assert await read(await hop.send(ask(b"POST", body=pieces()), stage.exchange())) == b"ok"
    assert seen == [b"2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"] * 2
    assert backend.connections == 1


@pytest.mark.parametrize("sent", [b"", b"abc", b"abcdef"])
async def test_a_body_that_is_not_as_long_as_its_length_is_never_completed(stage: Any, sent: bytes) -> None:
    async def script(peer: Any) -> None:
        await peer.until(b"\r\n\r\n")
        received.append(await peer.rest())

    async def pieces() -> AsyncIterator[bytes]:
        if sent:
            yield sent

    received: list[bytes] = []
    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    with pytest.raises(ValueError, match="length"):
        await hop.send(ask(b"POST", body=pieces(), length=4), stage.exchange())
    async with asyncio.timeout(10):
        await backend.lost.wait()
    assert len(b"".join(received)) < 4


async def test_what_goes_wrong_with_the_body_comes_out_of_the_hop(stage: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.rest()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"ab"
        raise Gone

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    with pytest.raises(Gone):
        await hop.send(ask(b"POST", body=pieces()), stage.exchange())
    async with asyncio.timeout(10):
        await backend.lost.wait()


async def test_an_early_answer_is_seen_while_the_body_is_sent_and_the_connection_ends(stage: Any) -> None:
    never = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"ab"
        await never.wait()

    async def script(peer: Any) -> None:
        await peer.until(b"ab\r\n")
        await peer.send(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
        await peer.rest()

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    inbound = await hop.send(ask(b"POST", body=pieces()), stage.exchange())
    assert (inbound.status, await read(inbound)) == (413, b"no")
    async with asyncio.timeout(10):
        await backend.lost.wait()
    assert hop.pool.take(None) is None


async def test_a_body_goes_no_faster_than_the_upstream_reads(stage: Any) -> None:
    produced = 0
    read_on = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal produced
        for _ in range(512):
            produced += 65536
            yield b"x" * 65536

    async def script(peer: Any) -> None:
        await peer.until(b"\r\n\r\n")
        await read_on.wait()
        await peer.exactly(512 * 65536)
        await peer.send(OK)
        await peer.rest()

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    sending = asyncio.ensure_future(hop.send(ask(b"POST", body=pieces(), length=512 * 65536), stage.exchange()))
    await stage.until(lambda: any(connection._blocked for connection in hop.pool.connections))
    connection = next(iter(hop.pool.connections))
    assert connection._transport.get_write_buffer_size() <= 64 * 1024 + 65536
    assert produced < 512 * 65536
    read_on.set()
    assert await read(await sending) == b"ok"


async def test_an_upstream_goes_no_faster_than_the_answer_is_read(stage: Any) -> None:
    size = 32 << 20

    async def script(peer: Any) -> None:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        await peer.send(b"x" * size)
        await peer.rest()

    hop = stage.hops().open((await stage.backend(script)).endpoint)
    inbound = await hop.send(ask(), stage.exchange())
    connection = next(iter(hop.pool.connections))
    await stage.until(lambda: connection._paused)
    most = inbound.body.queued
    total = 0
    async for piece in inbound.body:
        total += len(piece)
        most = max(most, inbound.body.queued)
    assert total == size
    assert most <= (64 << 10) + (256 << 10)


async def test_a_client_that_leaves_closes_the_upstreams_connection_while_it_waits(stage: Any) -> None:
    asked = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.message()
        asked.set()
        await peer.rest()

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    exchange = stage.exchange()
    sending = asyncio.ensure_future(hop.send(ask(), exchange))
    await asked.wait()
    exchange.leave()
    with pytest.raises(Gone):
        await sending
    async with asyncio.timeout(10):
        await backend.lost.wait()
    assert exchange.when_gone is None


async def test_a_client_that_leaves_closes_the_upstreams_connection_in_the_body(stage: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await peer.rest()

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    exchange = stage.exchange()
    inbound = await hop.send(ask(), exchange)
    assert await anext(inbound.body) == b"abc"
    waiting = asyncio.ensure_future(anext(inbound.body))
    await asyncio.sleep(0)
    exchange.leave()
    with pytest.raises(Gone):
        await waiting
    async with asyncio.timeout(10):
        await backend.lost.wait()
    assert hop.pool.take(None) is None


async def test_a_client_that_leaves_while_we_connect_ends_the_attempt(stage: Any, monkeypatch: Any) -> None:
    connecting = asyncio.Event()

    async def never(*arguments: Any) -> Any:
        connecting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("kapagate.proxy.pool.dial", never)
    hop = stage.hops().open(Endpoint("a", "127.0.0.1", 1))
    exchange = stage.exchange()
    sending = asyncio.ensure_future(hop.send(ask(), exchange))
    await connecting.wait()
    assert hop.pool.size == 1
    exchange.leave()
    with pytest.raises(Gone):
        await sending
    assert hop.pool.size == 0


class Closing:
    """Counts deliveries; the connection ends without an answer to those whose number is in `silent`."""

    def __init__(self, *silent: int, said: bytes = b"") -> None:
        self.deliveries = 0
        self.silent = silent
        self.said = said

    async def __call__(self, peer: Any) -> None:
        while True:
            await peer.message()
            self.deliveries += 1
            if self.deliveries in self.silent:
                if self.said:
                    await peer.send(self.said)
                peer.close()
                return
            await peer.send(OK)


async def test_a_request_is_delivered_once_when_its_connection_ends_without_an_answer(stage: Any) -> None:
    upstream = Closing(2)
    hop = stage.hops().open((await stage.backend(upstream)).endpoint)
    await read(await hop.send(ask(), stage.exchange()))
    with pytest.raises(Problem, match="upstream-unreachable"):
        await hop.send(ask(b"POST", body=b"x"), stage.exchange())
    assert upstream.deliveries == 2


async def test_what_is_declared_idempotent_is_sent_again_once_over_a_new_connection(stage: Any) -> None:
    upstream = Closing(2)
    hop = stage.hops().open((await stage.backend(upstream)).endpoint)
    await read(await hop.send(ask(), stage.exchange()))
    assert await read(await hop.send(ask(b"POST", body=b"x", idempotent=True), stage.exchange())) == b"ok"
    assert upstream.deliveries == 3


@pytest.mark.parametrize("silent", [(1, 2), (2, 3)])
async def test_it_is_not_sent_a_third_time_nor_again_over_a_connection_that_was_new(
    stage: Any, silent: tuple[int, int]
) -> None:
    upstream = Closing(*silent)
    hop = stage.hops().open((await stage.backend(upstream)).endpoint)
    if silent == (2, 3):
        await read(await hop.send(ask(), stage.exchange()))
    with pytest.raises(Problem, match="upstream-unreachable"):
        await hop.send(ask(idempotent=True), stage.exchange())
    assert upstream.deliveries == (1 if silent == (1, 2) else 3)


async def test_nothing_is_sent_again_once_a_byte_of_an_answer_came(stage: Any) -> None:
    upstream = Closing(2, said=b"H")
    hop = stage.hops().open((await stage.backend(upstream)).endpoint)
    await read(await hop.send(ask(), stage.exchange()))
    with pytest.raises(Problem, match="upstream-malformed"):
        await hop.send(ask(idempotent=True), stage.exchange())
    assert upstream.deliveries == 2


async def test_a_streamed_body_is_never_sent_again(stage: Any) -> None:
    upstream = Closing(2)
    hop = stage.hops().open((await stage.backend(upstream)).endpoint)
    await read(await hop.send(ask(), stage.exchange()))

    async def pieces() -> AsyncIterator[bytes]:
        yield b"abcd"

    with pytest.raises(Problem, match="upstream-unreachable"):
        await hop.send(ask(b"POST", body=pieces(), length=4, idempotent=True), stage.exchange())
    assert upstream.deliveries == 2


async def test_a_connection_that_ended_while_it_was_idle_is_never_asked(stage: Any) -> None:
    writers = []

    async def script(peer: Any) -> None:
        writers.append(peer.writer)
        await answering(peer)

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    await read(await hop.send(ask(), stage.exchange()))
    with writers[0].get_extra_info("socket").dup() as sock:
        sock.shutdown(socket.SHUT_RDWR)
    assert await read(await hop.send(ask(b"POST", body=b"x"), stage.exchange())) == b"ok"
    assert backend.connections == 2


async def test_who_has_left_already_asks_nothing(stage: Any) -> None:
    backend = await stage.backend(answering)
    hop = stage.hops().open(backend.endpoint)
    exchange = stage.exchange()
    exchange.leave()
    with pytest.raises(Gone):
        await hop.send(ask(), exchange)
    assert backend.connections == 0


async def test_a_cancelled_exchange_is_cancelled_and_not_gone(stage: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.rest()

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    sending = asyncio.ensure_future(hop.send(ask(), stage.exchange()))
    await stage.until(lambda: any(connection._answer for connection in hop.pool.connections))
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    async with asyncio.timeout(10):
        await backend.lost.wait()


async def test_an_abandoned_answer_costs_its_connection(stage: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await peer.rest()

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    inbound = await hop.send(ask(), stage.exchange())
    await inbound.body.aclose()
    with pytest.raises(Truncated):
        await read(inbound)
    async with asyncio.timeout(10):
        await backend.lost.wait()
    assert hop.pool.take(None) is None


async def test_no_answer_within_the_time_is_a_504(stage: Any) -> None:
    asked = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\nX: drip")
        asked.set()
        await peer.rest()

    backend = await stage.backend(script)
    hops = stage.hops()
    hop = hops.open(replace(backend.endpoint, first_byte_timeout=5.0))
    sending = asyncio.ensure_future(hop.send(ask(), stage.exchange()))
    await asked.wait()
    stage.clock.now += 4
    hops.sweep()
    await asyncio.sleep(0)
    assert not sending.done()
    stage.clock.now += 2
    hops.sweep()
    with pytest.raises(Problem, match="upstream-timeout"):
        await sending
    async with asyncio.timeout(10):
        await backend.lost.wait()


async def test_a_body_that_stalls_is_a_timeout_of_who_reads_it(stage: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await peer.rest()

    backend = await stage.backend(script)
    hops = stage.hops()
    hop = hops.open(replace(backend.endpoint, idle_timeout=5.0))
    inbound = await hop.send(ask(), stage.exchange())
    stage.clock.now += 100
    hops.sweep()
    assert await anext(inbound.body) == b"abc"
    waiting = asyncio.ensure_future(anext(inbound.body))
    await asyncio.sleep(0)
    stage.clock.now += 6
    hops.sweep()
    with pytest.raises(Problem, match="upstream-timeout"):
        await waiting


async def test_a_post_is_sent_once_even_when_its_connection_dies(stage: Any) -> None:
    posts = 0

    async def script(peer: Any) -> None:
        nonlocal posts
        await peer.message()
        await peer.send(OK)
        await peer.message()
        posts += 1

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    await read(await hop.send(ask(), stage.exchange()))
    with pytest.raises(Problem, match="upstream-unreachable"):
        await hop.send(ask(b"POST", body=b"abc"), stage.exchange())
    assert (posts, backend.connections) == (1, 1)


async def test_a_connection_that_died_in_the_pool_is_replaced(stage: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.message()
        await peer.send(OK)

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    for count in (1, 2):
        assert await read(await hop.send(ask(b"POST", body=b"a"), stage.exchange())) == b"ok"
        await stage.until(lambda: not (hop.pool.connections))
        assert backend.connections == count


async def test_sweeps_by_itself_while_connections_are_open(stage: Any) -> None:
    backend = await stage.backend(answering)
    hops = stage.hops()
    hops._granularity = 0.001
    hop = hops.open(backend.endpoint)
    await read(await hop.send(ask(), stage.exchange()))
    stage.clock.now += 16
    async with asyncio.timeout(10):
        await backend.lost.wait()
    await stage.until(lambda: hops._timer is None)


async def test_passes_requests_and_answers_through_both_ends(stage: Any) -> None:
    async def script(peer: Any) -> None:
        while True:
            _, body = await peer.message()
            await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for byte in b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body):
                await peer.send(bytes([byte]))
                await asyncio.sleep(0)

    listener, backend, _ = await stage.through(script)
    client = await stage.client(listener)
    for _ in range(2):
        for byte in b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello":
            await client.send(bytes([byte]))
            await asyncio.sleep(0)
        head, body = await client.message()
        assert b"Transfer-Encoding: chunked\r\n" in head
        assert joined(body) == b"hello"
    assert backend.connections == 1


async def test_a_truncated_answer_is_unfinished_for_the_client(stage: Any) -> None:
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
    ):

        async def script(peer: Any, answer: bytes = answer) -> None:
            await peer.message()
            await peer.send(answer)

        listener, _, application = await stage.through(script)
        client = await stage.client(listener)
        await client.send(GET % 1)
        received = await client.rest()
        assert not received.endswith(b"0\r\n\r\n")
        assert isinstance(application.ended[0], Truncated)
        assert not received or b"Content-Length: 10\r\n" in received or b"chunked" in received


async def test_a_leaving_client_leaves_nothing_behind(stage: Any) -> None:
    asked = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.message()
        asked.set()
        await peer.rest()

    before = len(asyncio.all_tasks())
    listener, backend, application = await stage.through(script)
    client = await stage.client(listener)
    await client.send(GET % 1)
    await asked.wait()
    client.close()
    async with asyncio.timeout(10):
        await backend.lost.wait()
        await application.done.wait()
    await stage.until(lambda: not (listener.active or len(asyncio.all_tasks()) > before))
    assert isinstance(application.ended[0], Gone)


async def test_a_slow_upload_is_not_the_upstreams_delay(stage: Any) -> None:
    more = asyncio.Event()
    sent = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"ab"
        sent.set()
        await more.wait()
        yield b"cd"

    hops = stage.hops()
    hop = hops.open((await stage.backend(answering)).endpoint)
    sending = asyncio.ensure_future(hop.send(ask(b"POST", body=pieces(), length=4), stage.exchange()))
    await sent.wait()
    stage.clock.now += 1000
    hops.sweep()
    more.set()
    assert await read(await sending) == b"ok"


async def test_remembers_how_many_requests_in_a_row_went_unanswered(stage: Any) -> None:
    backend = await stage.backend(answering)
    hops = stage.hops()
    hop, dead = hops.open(backend.endpoint), hops.open(Endpoint("dead", "127.0.0.1", 1))
    assert list(hops) == [hop, dead]
    for failures in (1, 2):
        with pytest.raises(Problem):
            await dead.send(ask(), stage.exchange())
        assert (dead.failures, dead.failure) == (failures, "upstream-unreachable")
    hop.failures = 3
    await read(await hop.send(ask(), stage.exchange()))
    assert hop.failures == 0


async def test_what_the_client_did_wrong_is_no_failure_of_the_upstream(stage: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.rest()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"ab"
        raise Problem(problems.REQUEST_TIMEOUT, "the body did not arrive in time")

    hop = stage.hops().open((await stage.backend(script)).endpoint)
    with pytest.raises(Problem, match="the body did not arrive"):
        await hop.send(ask(b"POST", body=pieces()), stage.exchange())
    assert (hop.failures, hop.failure) == (0, "")
