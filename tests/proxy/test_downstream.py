from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.problem import Gone, Problem
from kapagate.chain.sink import Head, Sink
from kapagate.proxy.bounds import Deadlines, Limits

LIMIT = 1 << 20
GET = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"


async def echo(exchange: Exchange, sink: Sink) -> None:
    """Answers with the path and the body."""
    body = await exchange.request.body.read(LIMIT)
    await sink.open(
        Head(200, [(b"X-Method", exchange.request.method.encode())]), exchange.request.path.encode() + b" " + body, True
    )


async def ignore_body(exchange: Exchange, sink: Sink) -> None:
    await sink.open(Head(200, []), b"done", True)


async def never(exchange: Exchange, sink: Sink) -> None:
    """Waits for the client to leave, as a hop does."""
    gone = asyncio.Event()
    exchange.when_gone = gone.set
    await gone.wait()
    raise Gone


async def open_once(stage: Any, listener: Any, size: int) -> None:
    """Waits until so many connections are open."""
    await stage.until(lambda: listener.active == size)


async def test_serves_many_requests_on_one_connection(stage: Any) -> None:
    client = await stage.client(await stage.listener(stage.scripted(echo)))
    for number in range(3):
        await client.send(GET % number)
        head, body = await client.message()
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert body == b"/%d " % number


async def test_answers_pipelined_requests_in_order_and_one_at_a_time(stage: Any) -> None:
    running = 0

    async def slow_first(exchange: Exchange, sink: Sink) -> None:
        nonlocal running
        running += 1
        assert running == 1
        for _ in range(10 if exchange.request.path == "/0" else 0):
            await asyncio.sleep(0)
        running -= 1
        await echo(exchange, sink)

    client = await stage.client(await stage.listener(stage.scripted(slow_first)))
    post = b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    await client.send(GET % 0 + post + GET % 2 + GET % 3)
    bodies = [(await client.message())[1] for _ in range(4)]
    assert bodies == [b"/0 ", b"/1 abc", b"/2 ", b"/3 "]


async def test_stops_reading_when_too_much_is_pipelined(stage: Any) -> None:
    application = stage.scripted(never)
    listener = await stage.listener(application, Limits(queued=4096))
    client = await stage.client(listener)
    await client.send(GET % 0)
    await application.arrived.wait()
    connection = next(iter(listener.terms.connections))
    client.writer.write(b"x" * (16 << 20))
    await stage.until(lambda: connection._intake.paused)
    assert len(connection._intake.held) <= 4096 + (256 << 10)
    client.writer.transport.abort()


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
async def test_reads_the_same_however_the_bytes_are_cut(stage: Any, step: int) -> None:
    client = await stage.client(await stage.listener(stage.scripted(echo)))
    raw = (
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: r\r\n\r\n"
        b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfghi"
    )
    for at in range(0, len(raw), step):
        await client.send(raw[at : at + step])
        await asyncio.sleep(0)
    assert [(await client.message())[1] for _ in range(2)] == [b"/a abcde", b"/b fghi"]


async def test_a_post_that_offers_h2c_arrives_whole_and_is_the_last(stage: Any) -> None:
    client = await stage.client(await stage.listener(stage.scripted(echo)))
    await client.send(
        b"POST /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"
        b"Content-Length: 5\r\n\r\nhello" + GET % 2
    )
    head, body = await client.message()
    assert body == b"/a hello"
    assert b"Connection: close\r\n" in head
    assert await client.rest() == b""


async def test_websocket_is_not_implemented(stage: Any) -> None:
    client = await stage.client(await stage.listener(stage.scripted(echo)))
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert (await client.rest()).startswith(b"HTTP/1.1 501 ")


async def test_a_refusal_at_the_door_keeps_the_connection(stage: Any) -> None:
    application = stage.scripted(echo)
    application.refuse = Problem(problems.MALFORMED_PATH, "no")
    client = await stage.client(await stage.listener(application))
    for _ in range(2):
        await client.send(GET % 1)
        head, body = await client.message()
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"application/problem+json" in head
        assert orjson.loads(body)["type"].endswith("/malformed-path")
    assert [problem.kind for problem in stage.refused] == [problems.MALFORMED_PATH] * 2


REFUSED = {
    b"GET / HTTP/1.1\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n": 400,
    b"GET / HTTP/1.1\nHost: a\n\n": 400,
    b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\n Host: a\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost : a\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n": 400,
    b"GET / HTTP/2.0\r\nHost: a\r\n\r\n": 400,
    b"GET /\r\n\r\n": 400,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": 400,
    b"\x16\x03\x01\x02\x00\x01": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
    b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n": 501,
    b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n": 501,
    b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n": 405,
    b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n": 405,
    b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\na": 417,
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 100 + b"\r\n": 431,
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"secret" * 6000 + b"\r\n\r\n": 431,
    b"GET /" + b"a" * 17000 + b" HTTP/1.1\r\nHost: a\r\n\r\n": 414,
}


@pytest.mark.parametrize(("raw", "status"), REFUSED.items(), ids=[repr(raw[:70]) for raw in REFUSED])
@pytest.mark.parametrize("step", [1, 100, 1 << 20])
async def test_refuses_in_its_own_words_and_nothing_reaches_the_chain(
    stage: Any, raw: bytes, status: int, step: int
) -> None:
    application = stage.scripted(echo)
    client = await stage.client(await stage.listener(application))
    step = max(step, len(raw) // 1000)
    for at in range(0, len(raw), step):
        client.writer.write(raw[at : at + step])
        await asyncio.sleep(0)
    head, body = await client.message()
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/problem+json" in head.lower()
    assert orjson.loads(body)["status"] == status
    assert b"secret" not in body
    assert application.admitted == []
    assert len(stage.refused) == 1


async def test_after_a_malformed_request_the_connection_ends(stage: Any) -> None:
    application = stage.scripted(echo)
    client = await stage.client(await stage.listener(application))
    await client.send(b"GET / HTTP/1.1\r\nbad\r\n\r\n" + GET % 1)
    assert (await client.rest()).count(b"Content-Length: ") == 1
    assert application.admitted == []


async def test_broken_chunks_are_a_400_for_who_reads_them(stage: Any) -> None:
    application = stage.scripted(echo)
    client = await stage.client(await stage.listener(application))
    await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    await application.arrived.wait()
    await client.send(b"zz\r\n" + GET % 1)
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close\r\n" in answer
    assert answer.count(b"Content-Length: ") == 1
    assert len(application.admitted) == 1


async def test_a_head_that_drips_is_a_408(stage: Any) -> None:
    listener = await stage.listener(stage.scripted(echo))
    client = await stage.client(listener)
    await client.send(b"GET / HT")
    await open_once(stage, listener, 1)
    connection = next(iter(listener.terms.connections))
    await stage.until(lambda: connection._intake.begun)
    stage.clock.now += 9
    await client.send(b"TP/1.1")
    listener.sweep()
    assert not connection.gone
    stage.clock.now += 1.1
    listener.sweep()
    assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_says_nothing_is_closed(stage: Any) -> None:
    listener = await stage.listener(stage.scripted(echo))
    client = await stage.client(listener)
    await open_once(stage, listener, 1)
    stage.clock.now += 11
    listener.sweep()
    assert await client.rest() == b""


async def test_an_idle_connection_ends_after_the_keep_alive_time(stage: Any) -> None:
    listener = await stage.listener(stage.scripted(echo))
    client = await stage.client(listener)
    await client.send(GET % 1)
    await client.message()
    stage.clock.now += 74
    listener.sweep()
    await client.send(GET % 2)
    await client.message()
    stage.clock.now += 76
    listener.sweep()
    assert await client.rest() == b""


async def test_a_body_that_stalls_is_a_408(stage: Any) -> None:
    application = stage.scripted(echo)
    listener = await stage.listener(application)
    client = await stage.client(listener)
    await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    await application.arrived.wait()
    stage.clock.now += 31
    listener.sweep()
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"Connection: close\r\n" in answer


async def test_a_slow_exchange_has_no_deadline_here(stage: Any) -> None:
    application = stage.scripted(never)
    listener = await stage.listener(application)
    client = await stage.client(listener)
    await client.send(GET % 1)
    await application.arrived.wait()
    stage.clock.now += 10_000
    listener.sweep()
    assert listener.active == 1


async def endless(exchange: Exchange, sink: Sink) -> None:
    await sink.open(Head(200, []), b"x" * 65536, False)
    while True:
        await sink.write(b"x" * 65536, False)


async def blocked(stage: Any, listener: Any) -> Any:
    await open_once(stage, listener, 1)
    connection = next(iter(listener.terms.connections))
    await stage.until(lambda: connection._waiting is not None)
    return connection


async def test_writing_waits_for_a_client_that_reads_slowly(stage: Any) -> None:
    application = stage.scripted(endless)
    listener = await stage.listener(application)
    client = await stage.client(listener)
    await client.send(GET % 1)
    connection = await blocked(stage, listener)
    assert connection._transport.get_write_buffer_size() < 256 << 10
    client.writer.transport.abort()
    await application.done.wait()
    assert isinstance(application.ended[0], Gone)


async def test_a_client_that_does_not_read_is_cut(stage: Any) -> None:
    application = stage.scripted(endless)
    listener = await stage.listener(application)
    client = await stage.client(listener)
    await client.send(GET % 1)
    await blocked(stage, listener)
    stage.clock.now += 61
    listener.sweep()
    async with asyncio.timeout(10):
        await application.done.wait()
    assert isinstance(application.ended[0], Gone)
    await open_once(stage, listener, 0)


async def test_asks_for_the_body_when_somebody_reads_it(stage: Any) -> None:
    started = asyncio.Event()

    async def read_late(exchange: Exchange, sink: Sink) -> None:
        await started.wait()
        await echo(exchange, sink)

    client = await stage.client(await stage.listener(stage.scripted(read_late)))
    await client.send(b"POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    started.set()
    assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await client.send(b"abc")
    assert (await client.message())[1] == b"/x abc"
    await client.send(GET % 1)
    assert (await client.message())[1] == b"/1 "


async def test_who_refuses_without_reading_never_asks_for_the_body(stage: Any) -> None:
    client = await stage.client(await stage.listener(stage.scripted(ignore_body)))
    await client.send(b"POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"Connection: close\r\n" in answer


async def test_a_body_that_nobody_read_is_drained(stage: Any) -> None:
    application = stage.scripted(ignore_body)
    client = await stage.client(await stage.listener(application))
    await client.send(b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + b"a" * 10)
    assert (await client.message())[1] == b"done"
    await client.send(b"a" * 990 + GET % 2)
    assert (await client.message())[1] == b"done"
    assert [exchange.request.path for exchange in application.admitted] == ["/1", "/2"]


async def test_a_body_too_large_to_be_drained_costs_the_connection(stage: Any) -> None:
    client = await stage.client(await stage.listener(stage.scripted(ignore_body), Limits(drained=100)))
    await client.send(b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + b"a" * 10)
    head, body = await client.message()
    assert b"Connection: close\r\n" in head
    assert body == b"done"
    assert await client.rest() == b""


async def test_draining_has_an_end(stage: Any) -> None:
    listener = await stage.listener(stage.scripted(ignore_body), deadlines=Deadlines(linger=1))
    client = await stage.client(listener)
    await client.send(b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + b"a" * 10)
    await client.message()
    stage.clock.now += 2
    listener.sweep()
    assert await client.rest() == b""


async def test_a_body_that_breaks_behind_its_answers_head_ends_the_connection_with_the_answer(stage: Any) -> None:
    broken = asyncio.Event()

    async def answer_early(exchange: Exchange, sink: Sink) -> None:
        await sink.open(Head(200, [], 4), b"do", False)
        await broken.wait()
        await sink.write(b"ne", True)

    client = await stage.client(listener := await stage.listener(stage.scripted(answer_early)))
    await client.send(b"POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert b"Connection: close" not in await client.until(b"do")
    await client.send(b"no chunk\r\n")
    (connection,) = listener.terms.connections
    await stage.until(lambda: connection._deaf)
    broken.set()
    assert await client.rest() == b"ne"


async def test_a_large_body_is_read_with_bounded_memory(stage: Any) -> None:
    proceed = asyncio.Event()
    most = 0

    async def read_slowly(exchange: Exchange, sink: Sink) -> None:
        nonlocal most
        await proceed.wait()
        total = 0
        async for piece in exchange.request.body.stream():
            most = max(most, len(piece))
            total += len(piece)
        await sink.open(Head(200, []), b"%d" % total, True)

    application = stage.scripted(read_slowly)
    listener = await stage.listener(application, Limits(queued=16384))
    client = await stage.client(listener)
    size = 8 << 20
    await client.send(b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    await application.arrived.wait()
    sending = asyncio.ensure_future(client.send(b"a" * size))
    connection = next(iter(listener.terms.connections))
    await stage.until(lambda: connection._intake.paused)
    proceed.set()
    assert (await client.message())[1] == b"%d" % size
    await sending
    assert most <= 16384 + (256 << 10)


async def test_a_client_that_leaves_is_noticed_while_the_exchange_runs(stage: Any) -> None:
    application = stage.scripted(never)
    listener = await stage.listener(application)
    client = await stage.client(listener)
    await client.send(GET % 1)
    await application.arrived.wait()
    client.close()
    async with asyncio.timeout(10):
        await application.done.wait()
    assert application.admitted[0].gone
    await open_once(stage, listener, 0)


async def test_a_client_that_leaves_in_its_body_is_gone_for_who_reads_it(stage: Any) -> None:
    application = stage.scripted(echo)
    listener = await stage.listener(application)
    client = await stage.client(listener)
    await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    await application.arrived.wait()
    client.close()
    async with asyncio.timeout(10):
        await application.done.wait()
    assert isinstance(application.ended[0], Gone)
    await open_once(stage, listener, 0)


async def test_no_task_outlives_its_connection(stage: Any) -> None:
    before = len(asyncio.all_tasks())
    listener = await stage.listener(stage.scripted(echo))
    for number in range(5):
        client = await stage.client(listener)
        await client.send(GET % number)
        await client.message()
        client.close()
    await open_once(stage, listener, 0)
    await stage.until(lambda: not (len(asyncio.all_tasks()) > before))


async def test_a_failing_engine_costs_only_its_connection(stage: Any, caplog: Any) -> None:
    class Broken(stage.scripted):  # type: ignore[misc]  # the fixture's class
        async def run(self, exchange: Exchange, sink: Sink) -> None:
            raise ValueError("bug")

    client = await stage.client(await stage.listener(Broken(echo)))
    await client.send(GET % 1)
    assert await client.rest() == b""
    assert "outside the engine" in caplog.text


async def test_connections_above_the_limit_are_told_so(stage: Any) -> None:
    listener = await stage.listener(stage.scripted(echo), Limits(connections=1))
    first = await stage.client(listener)
    await first.send(GET % 1)
    await first.message()
    second = await stage.client(listener)
    answer = await second.rest()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 1\r\n" in answer
    await first.send(GET % 2)
    assert (await first.message())[1] == b"/2 "


async def test_knows_the_clients_address(stage: Any) -> None:
    application = stage.scripted(echo)
    client = await stage.client(await stage.listener(application))
    await client.send(GET % 1)
    await client.message()
    assert application.admitted[0].request.client == "127.0.0.1"


@pytest.mark.parametrize("filler", [b"1;" + b"x" * 400_000, b"0\r\n" + b"t: trailer\r\n" * 40_000])
async def test_a_body_that_is_mostly_framing_is_refused(stage: Any, filler: bytes) -> None:
    application = stage.scripted(echo)
    client = await stage.client(await stage.listener(application))
    await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    await application.arrived.wait()
    client.writer.write(filler)
    assert (await client.rest()).startswith(b"HTTP/1.1 400 ")


async def test_an_exchange_that_was_admitted_is_run_even_when_its_client_has_left(stage: Any) -> None:
    application = stage.scripted(never)
    listener = await stage.listener(application)
    client = await stage.client(listener)
    await open_once(stage, listener, 1)
    connection = next(iter(listener.terms.connections))
    connection.data_received(GET % 1)
    connection.eof_received()
    assert application.admitted[0].gone
    await asyncio.wait_for(application.arrived.wait(), 10)
    client.close()
    application.admitted[0].leave()
    async with asyncio.timeout(10):
        await application.done.wait()


async def test_a_client_that_left_without_reading_is_not_waited_for(stage: Any) -> None:
    application = stage.scripted(endless)
    listener = await stage.listener(application)
    client = await stage.client(listener)
    await client.send(GET % 1)
    connection = await blocked(stage, listener)
    client.writer.write_eof()
    async with asyncio.timeout(10):
        await application.done.wait()
    assert connection.write_deadline == stage.clock.now + 1
    stage.clock.now += 2
    listener.sweep()
    await open_once(stage, listener, 0)


async def test_a_large_upload_that_is_refused_does_not_lose_its_refusal(stage: Any) -> None:
    async def refuse(exchange: Exchange, sink: Sink) -> None:
        await exchange.request.body.read(10)

    client = await stage.client(await stage.listener(stage.scripted(refuse)))
    size = 4 << 20
    client.writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close\r\n" in answer


@pytest.mark.parametrize(
    "refused",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_a_request_that_is_never_served_is_its_connections_last(stage: Any, refused: bytes) -> None:
    application = stage.scripted(echo)
    client = await stage.client(await stage.listener(application))
    await client.send(refused + GET % 1)
    answer = await client.rest()
    assert b"Connection: close\r\n" in answer
    assert answer.count(b"Content-Length: ") == 1
    assert application.admitted == []


async def test_a_bug_at_the_door_is_a_500(stage: Any, caplog: Any) -> None:
    application = stage.scripted(echo)
    application.refuse = ValueError("bug")
    client = await stage.client(await stage.listener(application))
    await client.send(GET % 1)
    head, body = await client.message()
    assert head.startswith(b"HTTP/1.1 500 ")
    assert b"bug" not in body
    assert "could not be admitted" in caplog.text


@pytest.mark.parametrize(
    ("request_bytes", "named"),
    [
        (b"TRACE / HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: mine\r\n\r\n", b"mine"),
        (b"this is no request\r\n\r\n", b"made"),
    ],
)
async def test_a_refusal_without_an_exchange_has_a_correlation_id(
    stage: Any, request_bytes: bytes, named: bytes
) -> None:
    client = await stage.client(await stage.listener(stage.scripted(echo)))
    await client.send(request_bytes)
    said = await client.rest()
    assert b"\r\nX-Correlation-ID: " + named + b"\r\n" in said
    assert b'"correlation_id":"' + named + b'"' in said
