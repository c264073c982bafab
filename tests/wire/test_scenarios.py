"""No answer may ever reach another request: many clients, odd upstreams, a token in every request.

`make test` runs a sample of the rounds, `make test-wire-full` at least a thousand of each scenario on both loops.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientSession, web

from bench.peers.naive.proxy import application
from kapagate.chain.hop import Endpoint, Outbound
from kapagate.chain.problem import Gone, Problem
from kapagate.proxy.hops import PooledHops
from tests.chain.conftest import FakeClock
from tests.proxy.conftest import make_exchange
from tests.wire.conftest import FULL
from tests.wire.crowd import EVIL, PATIENCE, Asked, Caller, Tally, answer_to, fresh, token_of, upstream
from tests.wire.relay import Relay, relaying, turns, until

ROUNDS = 1000 if FULL else 120
CALLERS = 40
METHODS = ("GET", "POST", "HEAD")


async def waves(
    address: tuple[str, int],
    rounds: int,
    pause: Callable[[], Awaitable[None]] | None = None,
    methods: Sequence[str] = METHODS,
) -> Tally:
    """All callers ask, each as soon as it may, so many rounds in all; with a pause, when all have been answered."""
    tally, all_answered = Tally(), asyncio.Barrier(CALLERS)

    async def call(caller: Caller, times: int) -> None:
        for _ in range(times):
            method, token = random.choice(methods), fresh()
            tally.note(method, token, await caller.ask(method, token))
            if pause is not None:
                await all_answered.wait()
                await pause()
        caller.leave()

    async with asyncio.timeout(PATIENCE * 4):
        await asyncio.gather(*(call(Caller(address), -(-rounds // CALLERS)) for _ in range(CALLERS)))
    await turns()
    return tally


# An upstream that says more than it was asked


class Talkative:
    """Says a second answer `delay` seconds behind each, unless it was asked again meanwhile. `said`: how many."""

    def __init__(self, delay: float, is_idle: Callable[[int], bool] = lambda port: True) -> None:
        self.delay = delay
        self.is_idle = is_idle
        self.said = 0

    async def __call__(self, asked: Asked) -> None:
        request = await asked.request()
        asked.say(answer_to(request))
        if self.delay < 0:
            asked.say(EVIL)
            self.said += 1
            return
        await asyncio.sleep(self.delay)
        for _ in range(20):
            if asked.is_asked or self.is_idle(asked.port):
                break
            await asyncio.sleep(0)
        if not asked.is_asked and self.is_idle(asked.port):
            asked.say(EVIL)
            self.said += 1


def idle_ports(relay: Relay) -> Callable[[int], bool]:
    """Whether the gateway has asked nothing on its connection from that port."""

    def is_idle(port: int) -> bool:
        idle = [each for some in relay.hop.pool._idle.values() for each in some]
        return any(each._transport.get_extra_info("sockname")[1] == port for each in idle)

    return is_idle


def around(delay: float) -> Callable[[], Awaitable[None]]:
    """A pause that ends a little before or behind the upstream's second word."""

    async def pause() -> None:
        await asyncio.sleep(max(0.0, delay + random.uniform(-0.002, 0.004)))

    return pause


@pytest.mark.parametrize("delay", [-1, 0, 0.05, 0.3], ids=["same write", "0 ms", "50 ms", "300 ms"])
async def test_a_second_answer_that_nobody_asked_for_reaches_nobody(delay: float) -> None:
    talkative = Talkative(delay)
    async with upstream(talkative) as port, relaying(port, connections=CALLERS) as relay:
        talkative.is_idle = idle_ports(relay)
        tally = await waves(relay.address, ROUNDS, around(delay))
    assert tally.foreign == []
    assert tally.refused == {}
    assert tally.own >= ROUNDS
    assert talkative.said > ROUNDS / 10


async def test_the_scenario_bites_a_proxy_over_a_common_client_pool() -> None:
    """What the test above would find in aiohttp's server over aiohttp's client (`bench/peers/naive/proxy.py`)."""
    talkative = Talkative(0.002)
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(upstream(talkative))
        session = await stack.enter_async_context(ClientSession(auto_decompress=False))
        runner = web.AppRunner(application(f"http://127.0.0.1:{port}", session), access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        tally = await waves(runner.addresses[0], 400, around(0.002), ("GET", "POST"))
    assert tally.foreign


# Clients that leave


async def in_pieces(asked: Asked) -> None:
    """Byte by byte, a turn of the loop behind each."""
    request = await asked.request()
    for byte in answer_to(request):
        asked.say(bytes([byte]))
        await asyncio.sleep(0)


async def test_what_a_client_left_behind_reaches_nobody() -> None:
    tally = Tally()
    left = 0

    async def call(caller: Caller, times: int) -> None:
        nonlocal left
        for _ in range(times):
            method, token = random.choice(METHODS), fresh()
            await caller.begin(method, token)
            if random.random() < 0.5:
                for _ in range(random.randint(0, 90)):
                    await asyncio.sleep(0)
                caller.leave()
                left += 1
            else:
                tally.note(method, token, await caller.answer(method))
        caller.leave()

    async with upstream(in_pieces) as port, relaying(port, connections=16) as relay, asyncio.timeout(PATIENCE * 4):
        await asyncio.gather(*(call(Caller(relay.address), -(-2 * ROUNDS // CALLERS)) for _ in range(CALLERS)))
        await settled(relay)
        await turns()
    assert tally.foreign == []
    assert tally.refused == {}
    assert left > ROUNDS / 2
    assert tally.own > ROUNDS / 2


async def settled(relay: Relay) -> None:
    """Every connection is idle or gone, and nobody waits."""
    await until(lambda: relay.hop.pool.size == relay.idle() and not len(relay.hop.pool.queue))


# Upstreams that are too late


class Late:
    """Holds the answers to some requests until it is released."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.held = 0

    async def __call__(self, asked: Asked) -> None:
        request = await asked.request()
        if token_of(request).startswith(b"late"):
            self.held += 1
            await self.released.wait()
        asked.say(answer_to(request))


async def test_an_answer_behind_its_time_out_reaches_nobody() -> None:
    late, tally = Late(), Tally()
    async with upstream(late) as port, relaying(port, connections=CALLERS) as relay:
        callers = [Caller(relay.address) for _ in range(CALLERS)]

        async def call(caller: Caller, token: str) -> None:
            tally.note("GET", token, await caller.ask("GET", token))

        async with asyncio.timeout(PATIENCE * 4):
            for _ in range(-(-ROUNDS // CALLERS)):
                late.released.clear()
                late.held = 0
                tardy = [asyncio.ensure_future(call(each, fresh("late"))) for each in callers[: CALLERS // 2]]
                await asyncio.gather(*(call(each, fresh()) for each in callers[CALLERS // 2 :]))
                await until(lambda: late.held >= CALLERS // 2)
                relay.pass_by(91)
                if random.random() < 0.5:
                    late.released.set()
                prompt = [call(each, fresh()) for each in callers[CALLERS // 2 :]]
                late.released.set()
                await asyncio.gather(*tardy, *prompt)
        for each in callers:
            each.leave()
        await turns()
    assert tally.foreign == []
    assert tally.refused.keys() == {504}
    assert tally.own >= ROUNDS


# HEAD


async def with_a_body(asked: Asked) -> None:
    """To HEAD as to GET; now and then in two writes."""
    request = await asked.request()
    token = token_of(request)
    head, body = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(EVIL), EVIL
    if not request.line.startswith("HEAD"):
        asked.say(answer_to(request))
    elif token[-1] & 1:
        asked.say(head + body)
    else:
        asked.say(head)
        await asyncio.sleep(0)
        asked.say(body)


async def test_the_body_of_an_answer_to_head_reaches_nobody() -> None:
    async with upstream(with_a_body) as port, relaying(port, connections=CALLERS) as relay:
        tally = await waves(relay.address, ROUNDS, turns)
    assert tally.foreign == []
    assert tally.refused.keys() <= {502}
    assert tally.own > ROUNDS / 2


# The pool


async def plainly(asked: Asked) -> None:
    request = await asked.request()
    await asyncio.sleep(0)
    asked.say(answer_to(request))


async def hanging_up(asked: Asked) -> None:
    """Sometimes before the answer, sometimes in it, sometimes behind it."""
    request = await asked.request()
    answer = answer_to(request)
    match random.randrange(8):
        case 0:
            raise ConnectionError
        case 1:
            asked.say(answer[: random.randrange(1, len(answer))])
            raise ConnectionError
        case 2:
            asked.say(answer)
            raise ConnectionError
    asked.say(answer)


@pytest.mark.parametrize("connections", [1, 3, CALLERS])
async def test_answers_keep_to_their_requests_when_connections_fail(connections: int) -> None:
    queue = {"length": CALLERS}
    async with upstream(hanging_up) as port, relaying(port, connections=connections, queue=queue) as relay:
        tally = await waves(relay.address, ROUNDS)
        await settled(relay)
    assert tally.foreign == []
    assert tally.refused.keys() <= {0, 502}
    assert tally.own > ROUNDS / 2


@pytest.mark.parametrize("connections", [1, 4])
async def test_at_the_limit_of_the_pool_everybody_gets_an_answer_of_their_own(connections: int) -> None:
    async with (
        upstream(plainly) as port,
        relaying(port, connections=connections, queue={"length": CALLERS}) as relay,
    ):
        tally = await waves(relay.address, ROUNDS)
        assert relay.hop.pool.size <= connections
    assert tally.foreign == []
    assert tally.refused == {}
    assert tally.own >= ROUNDS


async def test_above_the_queue_the_refusals_are_refusals() -> None:
    async with upstream(plainly) as port, relaying(port, connections=2, queue={"length": 4}) as relay:
        tally = await waves(relay.address, ROUNDS)
    assert tally.foreign == []
    assert tally.refused.keys() == {503}
    assert tally.own > 0


async def test_an_upstream_that_comes_and_goes_leaves_no_trace_in_the_pool() -> None:
    """Refused connections take no place, and what is asked when it is back gets its own answer."""
    tally = Tally()
    async with upstream(plainly) as port:
        pass
    async with relaying(port, connections=4, queue={"length": CALLERS}) as relay:
        for _ in range(max(4, ROUNDS // 100)):
            down = await waves(relay.address, CALLERS)
            assert down.refused.keys() == {502}
            async with upstream(plainly, port):
                up = await waves(relay.address, 2 * CALLERS)
            tally.own += up.own
            tally.foreign += up.foreign + down.foreign
        await settled(relay)
    assert tally.foreign == []
    assert tally.own >= max(4, ROUNDS // 100) * 2 * CALLERS


async def test_a_connection_serves_one_credential_alone() -> None:
    """Whatever fails, waits and leaves: on no connection of the upstream were two partitions ever heard."""
    heard: dict[int, set[bytes]] = {}

    async def serve(asked: Asked) -> None:
        request = await asked.request()
        heard.setdefault(id(asked), set()).add(token_of(request)[:2])
        kept.append(asked)
        if random.random() < 0.1:
            raise ConnectionError
        await asyncio.sleep(0)
        asked.say(answer_to(request))

    kept: list[Asked] = []
    hops = PooledHops(FakeClock(), granularity=3600)
    own = 0
    async with upstream(serve) as port, asyncio.timeout(PATIENCE * 4):
        hop = hops.open(Endpoint("upstream", "127.0.0.1", port, connections=3, queue=CALLERS))

        async def call(times: int) -> None:
            nonlocal own
            for _ in range(times):
                partition = f"p{random.randrange(5)}"
                token, exchange = fresh(partition), make_exchange()
                outbound = Outbound(b"GET", f"/a/{token}".encode(), [], partition=partition)
                sending = asyncio.ensure_future(hop.send(outbound, exchange))
                if random.random() < 0.2:
                    for _ in range(random.randrange(6)):
                        await asyncio.sleep(0)
                    exchange.leave()
                try:
                    answer = await sending
                    assert b"".join([piece async for piece in answer.body]) == token.encode()
                    own += 1
                except (Problem, Gone):
                    continue

        await asyncio.gather(*(call(-(-ROUNDS // CALLERS)) for _ in range(CALLERS)))
        assert hop.pool.size <= 3
        hops.close()
    assert all(len(partitions) == 1 for partitions in heard.values())
    assert own > ROUNDS / 2


# What is sent once


async def test_no_request_is_delivered_twice() -> None:
    deliveries: dict[bytes, int] = {}

    async def serve(asked: Asked) -> None:
        request = await asked.request()
        deliveries[token_of(request)] = deliveries.get(token_of(request), 0) + 1
        if random.random() < 0.2:
            raise ConnectionError
        asked.say(answer_to(request))
        if random.random() < 0.2:
            raise ConnectionError

    async with upstream(serve) as port, relaying(port, connections=8, queue={"length": CALLERS}) as relay:
        tally = await waves(relay.address, ROUNDS)
    assert tally.foreign == []
    assert set(deliveries.values()) == {1}
    assert len(deliveries) >= tally.own
