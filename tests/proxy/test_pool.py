from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from kapagate.chain.hop import Endpoint, Outbound
from kapagate.chain.problem import Gone, Problem
from kapagate.proxy.pool import Pool

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def answering(peer: Any) -> None:
    while True:
        await peer.message()
        await peer.send(OK)


async def hop_to(stage: Any, **changes: Any) -> tuple[Any, Any]:
    backend = await stage.backend(answering)
    return stage.hops().open(replace(backend.endpoint, **changes)), backend


async def once(stage: Any, hop: Any, partition: Any = None) -> None:
    inbound = await hop.send(Outbound(b"GET", b"/", [], partition=partition), stage.exchange())
    assert [piece async for piece in inbound.body] == [b"ok"]


async def test_a_connection_is_never_lent_across_partitions(stage: Any) -> None:
    hop, backend = await hop_to(stage)
    await once(stage, hop, "a")
    await once(stage, hop, "b")
    assert backend.connections == 2
    await once(stage, hop, "a")
    await once(stage, hop, "b")
    assert backend.connections == 2


async def test_lends_the_connection_that_was_used_last(stage: Any) -> None:
    hop, _ = await hop_to(stage)
    first = await hop.pool.open(None)
    second = await hop.pool.open(None)
    hop.pool.give_back(first)
    hop.pool.give_back(second)
    assert hop.pool.take(None) is second
    assert hop.pool.take(None) is first
    assert hop.pool.take(None) is None


async def test_tells_how_many_connections_wait_for_a_request(stage: Any) -> None:
    hop, _ = await hop_to(stage)
    connections = [await hop.pool.open(partition) for partition in ("a", "b", "b")]
    assert (hop.pool.size, hop.pool.idle) == (3, 0)
    for connection in connections:
        hop.pool.give_back(connection)
    assert (hop.pool.size, hop.pool.idle) == (3, 3)
    hop.pool.take("b")
    assert (hop.pool.size, hop.pool.idle) == (3, 2)


async def test_too_many_connections_are_a_busy_upstream(stage: Any) -> None:
    async def silent(peer: Any) -> None:
        await peer.rest()

    backend = await stage.backend(silent)
    hop = stage.hops().open(replace(backend.endpoint, connections=1, queue=0))
    exchange = stage.exchange()
    sending = asyncio.ensure_future(hop.send(Outbound(b"GET", b"/", []), exchange))
    await stage.until(lambda: hop.pool.size)
    with pytest.raises(Problem, match="upstream-busy") as refused:
        await hop.send(Outbound(b"GET", b"/", []), stage.exchange())
    assert refused.value.retry_after == 1
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_an_idle_connection_of_another_partition_makes_room(stage: Any) -> None:
    hop, backend = await hop_to(stage, connections=1)
    await once(stage, hop, "a")
    await once(stage, hop, "b")
    assert backend.connections == 2
    assert hop.pool.size == 1


async def test_the_connection_that_was_idle_longest_makes_room(stage: Any) -> None:
    hop, backend = await hop_to(stage, connections=3)
    for partition in ("a", "b", "c", "a", "d"):
        await once(stage, hop, partition)
    assert backend.connections == 4
    for partition in ("a", "c", "d"):
        await once(stage, hop, partition)
    assert backend.connections == 4, "it was b's that ended"


async def test_idle_connections_end_after_fifteen_seconds(stage: Any) -> None:
    hop, backend = await hop_to(stage)
    await once(stage, hop)
    stage.clock.now += 14
    hop.pool.sweep(stage.clock.now)
    await once(stage, hop)
    assert backend.connections == 1
    stage.clock.now += 16
    hop.pool.sweep(stage.clock.now)
    async with asyncio.timeout(10):
        await backend.lost.wait()
    await once(stage, hop)
    assert backend.connections == 2


@pytest.mark.parametrize(("said", "changes"), [(b"Keep-Alive: timeout=5\r\n", {}), (b"", {"keep_alive_timeout": 4.0})])
async def test_no_request_is_sent_where_the_upstream_may_be_about_to_close(
    stage: Any, said: bytes, changes: dict[str, float]
) -> None:
    """Before the sweep has come round, too."""

    async def tells(peer: Any) -> None:
        while True:
            await peer.message()
            await peer.send(OK.replace(b"\r\n\r\n", b"\r\n" + said + b"\r\n"))

    backend = await stage.backend(tells)
    hop = stage.hops().open(replace(backend.endpoint, **changes))
    await once(stage, hop)
    stage.clock.now += 3.9
    await once(stage, hop)
    assert backend.connections == 1
    stage.clock.now += 4.0
    await once(stage, hop)
    assert backend.connections == 2


async def test_partitions_without_connections_are_forgotten(stage: Any) -> None:
    hop, _ = await hop_to(stage)
    for number in range(10):
        await once(stage, hop, number)
    stage.clock.now += 16
    hop.pool.sweep(stage.clock.now)
    await stage.until(lambda: not (hop.pool.connections))
    hop.pool.sweep(stage.clock.now)
    assert hop.pool._idle == {}


async def test_a_failed_attempt_takes_no_place(stage: Any) -> None:
    backend = await stage.backend(answering)
    endpoint = backend.endpoint
    backend.server.close()
    pool = Pool(replace(endpoint, connections=1), stage.clock)
    for _ in range(3):
        with pytest.raises(Problem, match="upstream-unreachable"):
            await pool.open(None)
    assert pool.size == 0


def test_a_missing_ca_file_is_noticed_when_the_pool_is_made(stage: Any) -> None:
    with pytest.raises(OSError, match="No such file"):
        Pool(Endpoint("a", "a.example", 443, tls=True, ca_file="/nowhere.pem"), stage.clock)


class Held:
    """An upstream that answers when it is told to; `asked` counts what waits."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()
        self.asked: list[bytes] = []

    async def __call__(self, peer: Any) -> None:
        while True:
            head, _ = await peer.message()
            self.asked.append(head.split(b" ")[1])
            await peer.send(await self.answers.get())


async def waiting(stage: Any, **changes: Any) -> tuple[Any, Held, Any]:
    held = Held()
    backend = await stage.backend(held)
    return stage.hops().open(replace(backend.endpoint, **changes)), held, backend


def sent(stage: Any, hop: Any, target: bytes, partition: Any = None, exchange: Any = None) -> asyncio.Task[Any]:
    outbound = Outbound(b"GET", target, [], partition=partition)
    return asyncio.ensure_future(hop.send(outbound, exchange or stage.exchange()))


async def test_requests_above_the_bound_wait_and_are_served_in_order_over_the_same_connection(stage: Any) -> None:
    hop, held, backend = await waiting(stage, connections=1)
    sending = []
    for number in range(5):
        sending.append(sent(stage, hop, b"/%d" % number))
        await stage.until(lambda number=number: held.asked and len(hop.pool.queue) == number)
    for each in sending:
        held.answers.put_nowait(OK)
        inbound = await each
        assert [piece async for piece in inbound.body] == [b"ok"]
    assert held.asked == [b"/0", b"/1", b"/2", b"/3", b"/4"]
    assert backend.connections == 1


async def test_a_full_queue_is_a_busy_upstream_that_says_when_to_come_back(stage: Any) -> None:
    hop, held, _ = await waiting(stage, connections=1, queue=1)
    first, second = sent(stage, hop, b"/1"), sent(stage, hop, b"/2")
    await stage.until(lambda: held.asked and len(hop.pool.queue) == 1)
    with pytest.raises(Problem, match="upstream-busy") as refused:
        await sent(stage, hop, b"/3")
    assert refused.value.retry_after == 1
    held.answers.put_nowait(OK)
    held.answers.put_nowait(OK)
    await asyncio.gather(first, second)


async def test_who_waits_too_long_for_a_connection_is_refused(stage: Any) -> None:
    hop, held, _ = await waiting(stage, connections=1, queue_timeout=5.0)
    first, second = sent(stage, hop, b"/1"), sent(stage, hop, b"/2")
    await stage.until(lambda: held.asked and len(hop.pool.queue) == 1)
    stage.clock.now += 4
    hop.pool.sweep(stage.clock.now)
    assert not second.done()
    stage.clock.now += 2
    hop.pool.sweep(stage.clock.now)
    with pytest.raises(Problem, match="upstream-busy"):
        await second
    held.answers.put_nowait(OK)
    await first


async def test_a_client_that_leaves_leaves_the_queue(stage: Any) -> None:
    hop, held, _ = await waiting(stage, connections=1)
    leaver = stage.exchange()
    first = sent(stage, hop, b"/1")
    second = sent(stage, hop, b"/2", exchange=leaver)
    third = sent(stage, hop, b"/3")
    await stage.until(lambda: held.asked and len(hop.pool.queue) == 2)
    leaver.leave()
    with pytest.raises(Gone):
        await second
    held.answers.put_nowait(OK)
    held.answers.put_nowait(OK)
    await asyncio.gather(first, third)
    assert held.asked == [b"/1", b"/3"]


async def test_a_client_that_leaves_with_a_connection_in_its_hand_hands_it_on(stage: Any) -> None:
    hop, held, backend = await waiting(stage, connections=1)
    leaver = stage.exchange()
    first = sent(stage, hop, b"/1")
    second = sent(stage, hop, b"/2", exchange=leaver)
    third = sent(stage, hop, b"/3")
    await stage.until(lambda: held.asked and len(hop.pool.queue) == 2)
    held.answers.put_nowait(OK)
    held.answers.put_nowait(OK)
    await stage.until(lambda: len(hop.pool.queue) == 1)
    leaver.leave()
    with pytest.raises(Gone):
        await second
    await asyncio.gather(first, third)
    assert held.asked == [b"/1", b"/3"]
    assert backend.connections == 1


async def test_a_place_in_the_queue_is_never_filled_across_partitions(stage: Any) -> None:
    hop, held, backend = await waiting(stage, connections=1)
    first, second = sent(stage, hop, b"/1", "a"), sent(stage, hop, b"/2", "b")
    await stage.until(lambda: held.asked and len(hop.pool.queue) == 1)
    held.answers.put_nowait(OK)
    held.answers.put_nowait(OK)
    await asyncio.gather(first, second)
    assert backend.connections == 2
    assert hop.pool.size == 1


async def test_a_connection_that_ends_makes_room_for_who_waits(stage: Any) -> None:
    hop, held, backend = await waiting(stage, connections=1)
    first, second = sent(stage, hop, b"/1"), sent(stage, hop, b"/2")
    await stage.until(lambda: held.asked and len(hop.pool.queue) == 1)
    held.answers.put_nowait(b"nonsense")
    held.answers.put_nowait(OK)
    with pytest.raises(Problem, match="upstream-malformed"):
        await first
    await second
    assert backend.connections == 2


async def test_a_byte_that_the_loop_has_not_seen_ends_an_idle_connection(stage: Any) -> None:
    writers = []

    async def script(peer: Any) -> None:
        writers.append(peer.writer)
        await answering(peer)

    backend = await stage.backend(script)
    hop = stage.hops().open(backend.endpoint)
    await once(stage, hop)
    with writers[0].get_extra_info("socket").dup() as sock:
        sock.send(OK.replace(b"ok", b"no"))
        assert hop.pool.take(None) is None
    await once(stage, hop)
    assert backend.connections == 2


async def test_an_upstream_that_hangs_up_at_once_costs_no_place(stage: Any) -> None:
    async def script(peer: Any) -> None:
        peer.writer.transport.abort()

    backend = await stage.backend(script)
    hop = stage.hops().open(replace(backend.endpoint, connections=1))
    for _ in range(20):
        with pytest.raises(Problem, match="upstream-unreachable"):
            await sent(stage, hop, b"/")
    await stage.until(lambda: not hop.pool.size)
