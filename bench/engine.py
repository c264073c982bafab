"""`python -m bench.engine`: CPU per exchange of the full chain without sockets, for work on one part at a time.

The example policy as shipped, loaded as in production; the upstream's answer and the client's sink are objects in
memory. `--profile` prints where the time goes (the profiler makes calls look dearer than they are).
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import os
import pstats
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import NoReturn

import click
import orjson
import uvloop

from bench.process import ROOT
from bench.subjects import BODY, CHAT, LIMITS
from bench.upstream import ANSWER
from kapagate.chain.entry import Entry
from kapagate.chain.exchange import Exchange
from kapagate.chain.generation import Live
from kapagate.chain.headers import Headers
from kapagate.chain.hop import Endpoint, Hops, Inbound, Outbound
from kapagate.chain.response import once
from kapagate.chain.sink import Head
from kapagate.demo.people import Keys
from kapagate.offers import Machine, Remembered
from kapagate.policy.load import load_policy
from kapagate.remote.references import References
from kapagate.stores.memory_replays import MemoryReplays
from kapagate.stores.sqlite import SqliteLedger
from kapagate.stores.sqlite_owners import SqliteOwners
from kapagate.telemetry.access import AccessLog
from kapagate.web.endpoints import implemented, serves

_ID = "11111111-1111-4111-8111-111111111111"
_SOURCE = {"source_url": "https://docs.example/a", "title": "A|B", "contains_internal_data": False}
_DOCUMENT = orjson.dumps(
    {
        "answer": ANSWER,
        "thread_id": _ID,
        "question_answer_id": _ID,
        "is_uncertain": False,
        "relevant_sources": [_SOURCE, _SOURCE],
    }
)
_JSON = [(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(_DOCUMENT))]


class MemoryHop:
    """Answers every chat at once."""

    async def send(self, outbound: Outbound, exchange: Exchange) -> Inbound:
        exchange.times.sent = exchange.times.answered = exchange.times.received
        return Inbound(200, Headers(_JSON), once(_DOCUMENT), len(_DOCUMENT))


class MemoryHops:
    def open(self, endpoint: Endpoint) -> MemoryHop:
        return MemoryHop()


class Asked:
    """The question, at hand."""

    length = len(BODY)

    def at_hand(self) -> bytes | None:
        return BODY

    async def read(self, limit: int) -> bytes:
        return BODY

    def stream(self) -> AsyncIterator[bytes]:
        return once(BODY)


class Nowhere:
    """Takes what would go to the client; `cut` is a failure of the bench."""

    async def open(self, head: Head, piece: bytes, last: bool) -> None:
        if head.status != 200:
            raise RuntimeError(f"answered {head.status}")

    async def write(self, piece: bytes, last: bool) -> None:
        return

    def cut(self) -> None:
        raise RuntimeError("the exchange was cut")


async def never(by: str) -> NoReturn:
    raise LookupError("nothing is loaded again here")


def no_generation() -> NoReturn:
    raise LookupError("nobody asks for it here")


async def measured(exchanges: int, rounds: int, profile: bool) -> Sequence[float]:
    """Microseconds of this thread per exchange, one figure per round."""
    keys, machine = Keys.made(os.urandom), Machine.started()
    with tempfile.TemporaryDirectory() as folder:
        asked = {**keys.environment("http://127.0.0.1:9", "http://127.0.0.1:9", folder), **LIMITS}
        ledger = SqliteLedger(Path(folder, "state.db"), machine.clock)
        owners = SqliteOwners(Path(folder, "state.db.owners"), machine.clock)
        state = Remembered(ledger, MemoryReplays(machine.clock), owners)
        services = machine.offer(state).services.with_ports({Hops: MemoryHops()})
        endpoints = serves(implemented(dict, (), machine.clock, lambda: ledger, never, no_generation, machine.shadows))
        loaded = load_policy([ROOT / "policies"], References(asked), lambda settings: services, serves=endpoints)
        if loaded.generation is None:
            raise RuntimeError(loaded.report())
        await ledger.start()
        await owners.start()
        door = Entry(Live(loaded.generation), machine.clock, machine.ids, AccessLog(BytesIO()))
        token = keys.token("bench", "acme", "viewer", time.time() + 3600)
        headers = [(b"Host", b"x"), (b"Authorization", f"Bearer {token}".encode()), *_JSON]

        async def ask(times: int) -> float:
            begun = time.thread_time()
            for _ in range(times):
                exchange = door.admit("POST", CHAT.encode(), Headers(headers), Asked(), "127.0.0.1")
                await door.run(exchange, Nowhere())
                await asyncio.sleep(0)
            return (time.thread_time() - begun) / times * 1e6

        await ask(exchanges)
        gc.collect()
        gc.freeze()
        figures = [await ask(exchanges) for _ in range(rounds)]
        if profile:
            with cProfile.Profile() as profiler:
                await ask(exchanges)
            pstats.Stats(profiler).sort_stats("tottime").print_stats(60)
        await owners.close()
        await ledger.close()
    return figures


@click.command()
@click.option("--exchanges", default=2000, show_default=True, type=click.IntRange(1))
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--profile", is_flag=True, help="Print a profile of one more round.")
def main(exchanges: int, rounds: int, profile: bool) -> None:
    """CPU per exchange of the full chain, without sockets."""
    figures = sorted(uvloop.run(measured(exchanges, rounds, profile)))
    print(f"{figures[len(figures) // 2]:.1f} us per exchange ({figures[0]:.1f} to {figures[-1]:.1f})")


if __name__ == "__main__":
    main()
