"""When the client leaves: whatever was under way, nothing of it stays.

Clients leave at random moments of everything: while they connect, in the head, in the body, while they wait, in the
answer; with a reset or with a clean end.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
from collections import Counter

import pytest

from tests.wire.conftest import FULL
from tests.wire.crowd import Asked, answer_to, fresh, token_of, upstream
from tests.wire.relay import Relay, relaying, turns, until

CANCELS = 10_000 if FULL else 400
AT_ONCE = 50
OURS = ("kapagate.", "aiohttp.")


async def moody(asked: Asked) -> None:
    """Answers, streams without end, or says nothing, as the token asks."""
    request = await asked.request()
    token = token_of(request)
    if token.startswith(b"endless"):
        asked.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            asked.say(b"5\r\nagain\r\n")
            await asyncio.sleep(0)
    if token.startswith(b"mute"):
        await asked.request()
    asked.say(answer_to(request))


async def leave_somewhere(relay: Relay) -> None:
    """One client, which sends a part of a request or all of it, waits a little, and leaves."""
    body = b"x" * random.choice((0, 10, 200_000))
    token = fresh(random.choice(("endless", "mute", "plain")))
    request = b"POST /a/%b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (token.encode(), len(body), body)
    _, writer = await asyncio.open_connection(*relay.address)
    sent = random.choice((len(request), random.randrange(len(request)), random.randrange(80)))
    writer.write(request[:sent])
    for _ in range(random.choice((0, 1, 5, 20, 100))):
        await asyncio.sleep(0)
    if random.random() < 0.5:
        writer.transport.abort()
    else:
        writer.close()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_what_a_leaving_client_had_under_way_is_closed_and_recorded() -> None:
    async with upstream(moody) as port, relaying(port, connections=32, queue={"length": AT_ONCE}) as relay:
        await leave_somewhere(relay)
        await at_rest(relay)
        files, tasks = open_files() - relay.hop.pool.size * 2, len(asyncio.all_tasks()) - relay.hop.pool.size
        async with asyncio.timeout(300):
            for _ in range(CANCELS // AT_ONCE):
                await asyncio.gather(*(leave_somewhere(relay) for _ in range(AT_ONCE)))
            await at_rest(relay)
            kept = relay.hop.pool.size
            await until(lambda: open_files() == files + 2 * kept)
            await until(lambda: len(asyncio.all_tasks()) == tasks + kept)
        assert relay.ledger.held == 0
        assert {record["outcome"] for record in relay.records} <= {"gone", "answered", "failed"}
        assert sum(record["outcome"] == "gone" for record in relay.records) > CANCELS / 10


async def at_rest(relay: Relay) -> None:
    """No client is there, nothing runs, no connection is lent, nobody waits."""
    await until(lambda: not relay.listener.active and not relay.listener.terms.tasks)
    await until(lambda: relay.hop.pool.size == relay.idle() and not len(relay.hop.pool.queue))
    await turns()


async def test_the_upstreams_connection_ends_with_its_client_in_the_same_turns() -> None:
    """No deadline helps: the clock stands still."""
    ended = 0

    async def endless(asked: Asked) -> None:
        nonlocal ended
        await asked.request()
        asked.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                asked.say(b"5\r\nagain\r\n")
                await asyncio.sleep(0)
        finally:
            ended += 1

    async with upstream(endless) as port, relaying(port) as relay:
        for number in range(20):
            reader, writer = await asyncio.open_connection(*relay.address)
            writer.write(b"GET /a/%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
            await reader.readuntil(b"again")
            writer.transport.abort()
            for _ in range(20):
                await asyncio.sleep(0)
            await until(lambda number=number: ended == number + 1)
        assert relay.hop.pool.size == 0


async def test_a_client_that_reads_nothing_stops_its_upstream() -> None:
    """What waits for a slow reader is bounded, on both sides of the gateway."""
    said = 0

    async def endless(asked: Asked) -> None:
        nonlocal said
        await asked.request()
        asked.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            asked.writer.write(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
            await asked.writer.drain()
            said += 0x4000

    async with upstream(endless) as port, relaying(port) as relay:
        _, writer = await asyncio.open_connection(*relay.address, limit=1024)
        writer.write(b"GET /a/slow HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: any(each._paused for each in relay.hop.pool.connections))
        connection = next(iter(relay.hop.pool.connections))
        assert connection._answer is not None
        assert connection._answer.queued <= (64 << 10) + (256 << 10)
        writer.transport.abort()
        await until(lambda: not relay.hop.pool.size)
        assert said < 64 << 20


async def _finish(relay: Relay, request: bytes) -> None:
    """One connection: asks, reads what comes until it ends, and leaves."""
    reader, writer = await asyncio.open_connection(*relay.address)
    writer.write(request)
    with contextlib.suppress(ConnectionError):
        await reader.read(1)
        writer.close()
        await writer.wait_closed()


WAYS = {
    "answered": b"POST /a/plain-%d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    "chunked": b"POST /a/plain-%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "inspected": b"POST /inspected/plain-%d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    "refused": b"POST /inspected/plain-%d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{x",
    "not found": b"GET /nowhere-%d HTTP/1.1\r\nHost: a\r\n\r\n",
    "malformed": b"GET /nowhere-%d \x01HTTP/1.1\r\nHost: a\r\n\r\n",
    "left": b"GET /a/endless-%d HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("request_", WAYS.values(), ids=WAYS)
async def test_what_a_connection_leaves_needs_no_garbage_collector(request_: bytes) -> None:
    """Else memory grows until it is looked through, which is rarely."""
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
    async with upstream(moody) as port, relaying(port) as relay:
        await _finish(relay, request_ % 0)
        await at_rest(relay)
        gc.collect()
        gc.disable()
        try:
            for number in range(1, 9):
                await _finish(relay, request_ % number)
            await at_rest(relay)
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            found = Counter(type(each).__name__ for each in gc.garbage if type(each).__module__.startswith(OURS))
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert not {name: count for name, count in found.items() if count >= 8}, found
    assert failures == []
