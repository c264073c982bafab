"""The example policy on the engine alone: what Kapa answers is a script, what leaves is a list."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import count
from math import inf
from typing import Any

import orjson

from kapagate.chain.clock import Clock, Ids
from kapagate.chain.entry import Entry
from kapagate.chain.exchange import Exchange
from kapagate.chain.generation import Live
from kapagate.chain.headers import Headers
from kapagate.chain.hop import Endpoint, Hop, Hops, Inbound, Outbound
from kapagate.chain.meter import Meter
from kapagate.chain.services import Services
from kapagate.demo.people import Keys
from kapagate.demo.stage import POLICY
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.identity.replays import Replays
from kapagate.kapa.ownership import Owners
from kapagate.ledger.ledger import Ledger
from kapagate.policy.load import load_policy
from kapagate.remote.references import References
from kapagate.stores.memory import MemoryBuckets
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.stores.memory_replays import MemoryReplays
from kapagate.stores.ring import MemoryLedger
from kapagate.telemetry.prometheus import PrometheusMeter
from kapagate.traffic.buckets import Buckets
from tests.acceptance.served import UNLIMITED
from tests.chain.conftest import FakeClock, ListSink, Pieces, SentBody

JSON = (b"Content-Type", b"application/json")
THREAD = "0d2f4c1a-7b3e-4f5a-9c6d-8e1f2a3b4c5d"


class Script:
    """A hop to every endpoint; `pieces` is what the next answer brings."""

    def __init__(self) -> None:
        self.pieces: Sequence[bytes | BaseException] = ()
        self.sent: list[Outbound] = []

    def open(self, endpoint: Endpoint) -> Hop:
        return self

    async def send(self, outbound: Outbound, exchange: Exchange) -> Inbound:
        self.sent = [outbound]
        return Inbound(200, Headers([JSON]), Pieces(*self.pieces))


class Numbered:
    """Ids that count."""

    def __init__(self) -> None:
        self._next = count()

    def __call__(self) -> str:
        return f"{next(self._next):032x}"


class ForgetfulOwners(MemoryOwners):
    """Whoever comes next may have what others had."""

    def forget(self) -> None:
        self._claims.clear()


class Engine:
    """One generation, and a client that asks it."""

    def __init__(self) -> None:
        self.clock, self.script, self.ledger = FakeClock(), Script(), MemoryLedger()
        self.keys, self.owners = Keys.made(os.urandom), ForgetfulOwners(self.clock)
        self._pseudonyms = Pseudonyms(self.keys.pseudonyms.encode())
        environment = {**self.keys.environment("http://127.0.0.1:1", "http://127.0.0.1:2", "/nowhere"), **UNLIMITED}
        ids = Numbered()
        ports: dict[type, object] = {
            Clock: self.clock,
            Ids: ids,
            Meter: PrometheusMeter(),
            Hops: self.script,
            Buckets: MemoryBuckets(self.clock),
            Owners: self.owners,
            Ledger: self.ledger,
            Replays: MemoryReplays(self.clock),
        }

        async def nobody(exchange: Exchange) -> Any:
            raise AssertionError("nobody asks for health here")

        offered = Services(ports)
        loaded = load_policy([POLICY], References(environment), lambda _: offered, serves={"system_health": nobody})
        assert loaded.generation is not None, loaded.report()
        self._entry = Entry(Live(loaded.generation), self.clock, ids)
        self._token = {
            tenant: self.keys.token("ann", tenant, "viewer", self.clock.wall() + 1e8) for tenant in ("acme", "globex")
        }

    async def ask(
        self, path: str, pieces: Iterable[bytes | BaseException], tenant: str = "acme", **body: Any
    ) -> ListSink:
        """What the client gets for `body`, when Kapa answers with the pieces; the thread THREAD is the client's."""
        self.clock.advance(1)
        self.script.pieces = list(pieces)
        self.owners.forget()
        self.owners.claim(self._pseudonyms.of(tenant, "ann"), [THREAD], inf)
        headers = Headers([(b"Authorization", f"Bearer {self._token[tenant]}".encode()), JSON])
        sent = SentBody(orjson.dumps({"query": "How?", **body}))
        exchange = self._entry.admit("POST", path.encode(), headers, sent, "127.0.0.1")
        sink = ListSink()
        await self._entry.run(exchange, sink)
        return sink


@cache
def engine() -> Engine:
    return Engine()
