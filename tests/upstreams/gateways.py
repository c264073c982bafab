"""Gateways without sockets in front of a scripted upstream of any type, with two tenants, loaded from a policy's text.

Ann and Amy are of tenant acme, Bob of globex. The chain is `audit`, `rbac` and what the test declares.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from kapagate.chain.clock import Clock
from kapagate.chain.entry import Entry
from kapagate.chain.exchange import Exchange
from kapagate.chain.generation import Live
from kapagate.chain.headers import Headers
from kapagate.chain.hop import Endpoint, Hop, Hops, Inbound, Outbound
from kapagate.chain.meter import Meter
from kapagate.chain.services import Services
from kapagate.identity.api_keys import create, digest
from kapagate.kapa.ownership import Owners
from kapagate.ledger.ledger import Ledger
from kapagate.policy.load import Loaded, load_policy
from kapagate.remote.references import References
from kapagate.stores.memory import MemoryBuckets
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.stores.ring import MemoryLedger
from kapagate.telemetry.prometheus import PrometheusMeter
from kapagate.traffic.buckets import Buckets
from tests.chain.conftest import FakeClock, ListSink, SentBody
from tests.filters.gateway import Told

PEPPER = "pepper-" * 5
KEYS = {name: create("live", random.Random(name).randbytes) for name in ("ann", "amy", "bob")}
TENANT = {"ann": "acme", "amy": "acme", "bob": "globex"}
SECRETS = {"KG_ACME_KEY": "k-" + "a" * 24, "KG_GLOBEX_KEY": "k-" + "b" * 24}
ENVIRONMENT = {"PEPPER": PEPPER, "PSEUDONYMS": "pseudonyms-" * 4, **SECRETS}


def policy(upstreams: str, chain: str, acme: str, globex: str, header: str = "X-Api-Key") -> str:
    keys = "".join(
        f"\n                - {{id: {key.id}, digest: {digest(PEPPER.encode(), key)}, tenant: {TENANT[name]},"
        f" subject: {name}, roles: [user]}}"
        for name, key in KEYS.items()
    )
    return f"""\
apiVersion: kapagate.dev/v1
kind: Gateway
name: test
pseudonyms: {{key: "${{env:PSEUDONYMS}}"}}
tenant_secrets: ["env:KG_{{tenant}}_*"]
roles: {{user: {{allow: [kapa.*]}}}}
upstreams:
{upstreams}
gate:
  - identify:
      schemes:
        - api_key:
            header: {header}
            pepper: "${{env:PEPPER}}"
            keys:{keys}
chain:
  - audit: {{include: [question, answer]}}
  - rbac: {{}}
{chain}
---
apiVersion: kapagate.dev/v1
kind: Tenant
name: acme
{acme}
---
apiVersion: kapagate.dev/v1
kind: Tenant
name: globex
{globex}
"""


class Server:
    """The upstream: what it got, and what it will answer."""

    def __init__(self) -> None:
        self.sent: list[Outbound] = []
        self.answer: Inbound | None = None

    def open(self, endpoint: Endpoint) -> Hop:
        return self

    async def send(self, outbound: Outbound, exchange: Exchange) -> Inbound:
        self.sent.append(outbound)
        assert self.answer is not None, "the upstream is not meant to be asked"
        exchange.times.sent, exchange.times.answered = 100.0, 100.25
        return self.answer

    @property
    def asked(self) -> Any:
        """The body of the last request."""
        body = self.sent[-1].body
        assert isinstance(body, bytes)
        return orjson.loads(body)

    def header(self, name: bytes) -> bytes | None:
        """A field of the last request."""
        return Headers(self.sent[-1].headers).get(name)


class Gateway:
    """One generation of a policy."""

    def __init__(self, text: str, folder: Path) -> None:
        self.server, self.clock, self.ledger = Server(), FakeClock(), MemoryLedger()
        loaded = self.load(text, folder)
        assert loaded.generation is not None, loaded.report()
        ids = (f"{number:032x}" for number in itertools.count())
        self.entry = Entry(Live(loaded.generation), self.clock, lambda: next(ids))

    def load(self, text: str, folder: Path) -> Loaded:
        (folder / "gateway.yaml").write_text(text, encoding="utf-8")
        ports: dict[type, Any] = {
            Clock: self.clock,
            Meter: PrometheusMeter(),
            Hops: self.server,
            Ledger: self.ledger,
            Buckets: MemoryBuckets(self.clock),
            Owners: MemoryOwners(self.clock),
        }
        return load_policy([folder / "gateway.yaml"], References(ENVIRONMENT), lambda settings: Services(ports))

    async def ask(
        self,
        path: str,
        document: Any = None,
        answer: Inbound | None = None,
        *,
        who: str | None = "ann",
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        credential: str = "X-Api-Key",
        sink: ListSink | None = None,
    ) -> Told:
        self.server.answer = answer
        body = b"" if document is None else document if isinstance(document, bytes) else orjson.dumps(document)
        sent = {"Content-Type": "application/json", **(headers or {})}
        if who is not None:
            sent[credential] = KEYS[who].text
        raw = [(name.encode(), value.encode()) for name, value in sent.items()]
        sink = sink or ListSink()
        ex = self.entry.admit(method, path.encode(), Headers(raw), SentBody(body), "192.0.2.1")
        await self.entry.run(ex, sink)
        return Told(ex, sink, (await self.ledger.query(1))[0])


def refusals(text: str, folder: Path) -> list[str]:
    """What is wrong with a policy."""
    server = object.__new__(Gateway)
    server.server, server.clock, server.ledger = Server(), FakeClock(), MemoryLedger()
    return [each.message for each in server.load(text, folder).diagnostics if each.is_error]
