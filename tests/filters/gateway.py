"""A gateway without sockets: a policy as people write it, loaded and run as in production, in front of a scripted Kapa.

The chain is `audit`, `metrics`, `rbac` and what the test declares. Ann is a viewer, Bob an operator; THREAD
and the answer UUID are Ann's.
"""

from __future__ import annotations

import itertools
import random
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf
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
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.kapa.ownership import Owners
from kapagate.kapa.readings import READINGS
from kapagate.ledger.ledger import Ledger
from kapagate.policy.load import Loaded, load_policy
from kapagate.remote.references import References
from kapagate.standin.records import encode_record
from kapagate.standin.specimens import SPECIMENS
from kapagate.stores.memory import MemoryBuckets
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.stores.ring import MemoryLedger
from kapagate.telemetry.prometheus import PrometheusMeter
from kapagate.traffic.buckets import Buckets
from tests.chain.conftest import FakeClock, ListSink, Pieces, SentBody

UUID = "7d1f2c3b-4a5e-4f60-8a71-92b3c4d5e6f7"
THREAD = "1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
EMAIL, PHONE, CARD = SPECIMENS["email"], SPECIMENS["phone"], SPECIMENS["card"]
PEPPER = "pepper-" * 5
PSEUDONYMS = "pseudonyms-" * 4
KEYS = {name: create("live", random.Random(name).randbytes) for name in ("ann", "bob")}
ROLE = {"ann": "viewer", "bob": "operator"}
ANN = Pseudonyms(PSEUDONYMS.encode()).of("default", "ann")
ENVIRONMENT = {"PEPPER": PEPPER, "PSEUDONYMS": PSEUDONYMS, "KAPA_KEY": "k-" + "a" * 24}
SHIPPED = """\
  - guard_question: {max_length: 4000, pii: redact}
    id: ask
    locked: true
  - guard_answer:
      {pii: redact, max_response_length: 8000, sources: {min: 1}, confidence: {uncertain: disclaim}, at_end: disclaim}
    id: answer
  - guard_answer: {pii: refuse}
    id: strict-answer
    mode: shadow
    when: {route: [kapa.chat], role: [viewer]}
"""
PATHS = {
    "chat": "/query/v1/projects/default/chat/",
    "chat_stream": "/query/v1/projects/default/chat/stream/",
    "thread_chat": f"/query/v1/threads/{THREAD}/chat/",
    "thread_chat_stream": f"/query/v1/threads/{THREAD}/chat/stream/",
    "retrieval": "/query/v1/projects/default/retrieval/",
    "documents": "/query/v1/projects/default/documents/",
    "feedback": "/query/v1/feedback/upsert/",
    **{
        each.name: each.template.replace("{project_id}", "default").replace(f"{{{each.item}}}", THREAD)
        for each in READINGS
    },
    "agent_session": "/agent/v1/projects/default/agent/sessions/",
    "query": "/api/kapa/query",
    "query_feedback": "/api/kapa/feedback",
    "crm": "/crm/notes",
    "declared": "/declared/notes",
    "lax": "/lax/notes",
}
QUESTION = {"query": "How do I install it?"}


Changes = Iterable[tuple[str, str]]


def policy(chain: str, stream: str = "window", opaque: str = "pass", changes: Changes = ()) -> str:
    """`changes`: texts of the policy, each of which stands there once, and what takes their place."""
    written = _policy(chain, stream, opaque)
    for old, new in changes:
        assert written.count(old) == 1, f"{old!r} stands there {written.count(old)} times"
        written = written.replace(old, new)
    return written


def _policy(chain: str, stream: str, opaque: str) -> str:
    keys = "".join(
        f"\n                - {{id: {key.id}, digest: {digest(PEPPER.encode(), key)}, tenant: default, subject: {name},"
        f" roles: [{ROLE[name]}]}}"
        for name, key in KEYS.items()
    )
    choice = "" if opaque == "error" else f", on_uninspectable: {opaque}"
    return f"""\
apiVersion: kapagate.dev/v1
kind: Gateway
name: test
pseudonyms: {{key: "${{env:PSEUDONYMS}}"}}
roles:
  viewer: {{allow: [kapa.chat, kapa.retrieval, kapa.documents, kapa.feedback, route.crm, route.declared, route.lax]}}
  operator: {{includes: [viewer], allow: [kapa.*], deny: [kapa.feedback]}}
upstreams:
  kapa: {{type: kapa, url: "https://kapa.example", project: "{UUID}", api_key: "${{env:KAPA_KEY}}",
         source_groups: all, stream: {stream}}}
  crm: {{type: http, url: "http://127.0.0.1:9000"}}
gate:
  - identify:
      schemes:
        - api_key:
            header: X-Api-Key
            pepper: "${{env:PEPPER}}"
            keys:{keys}
  - rate_limit: {{per: [tenant], limit: 1000000/s, burst: 1000000}}
    id: loose
chain:
  - audit: {{include: [question, answer]}}
  - metrics: {{}}
  - rbac: {{}}
{chain}
routes:
  - {{name: crm, match: "GET|POST /crm/{{rest:*}}", upstream: crm{choice}}}
  - {{name: declared, match: "GET /declared/{{rest:*}}", upstream: crm, text: ["notes[].text"]}}
  - {{name: lax, match: "GET /lax/{{rest:*}}", upstream: crm, text: ["notes[].text"], on_uninspectable: pass}}
"""


class Kapa:
    """Every upstream of the policy. `sent` are the bodies that it got, `targets` where to, `heads` with which fields;
    `answer` comes back.
    """

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.targets: list[bytes] = []
        self.heads: list[list[tuple[bytes, bytes]]] = []
        self.answer = inbound(chat("Fine."))

    def open(self, endpoint: Endpoint) -> Hop:
        return self

    async def send(self, outbound: Outbound, exchange: Exchange) -> Inbound:
        body = outbound.body
        self.targets.append(outbound.target)
        self.heads.append(list(outbound.headers))
        self.sent.append(body if isinstance(body, bytes) else b"".join([piece async for piece in body]))
        exchange.times.sent, exchange.times.answered = 100.0, 100.25
        return self.answer

    @property
    def asked(self) -> Any:
        """The body of the last request."""
        return orjson.loads(self.sent[-1])


@dataclass
class Told:
    """What became of one request: the client's side of it, and its record."""

    ex: Exchange
    sink: ListSink
    record: dict[str, Any]

    @property
    def status(self) -> int:
        return self.sink.head.status

    @property
    def body(self) -> bytes:
        return self.sink.body

    @cached_property
    def document(self) -> Any:
        return orjson.loads(self.body)

    @property
    def problem(self) -> tuple[int, str, str, str | None]:
        """Status, kind, step and rule of a refusal."""
        told = self.sink.problem
        return self.status, told["type"].rpartition("/")[2], told.get("step", ""), told.get("rule")

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The records of a stream, each of which ended with its separator."""
        *records, rest = self.body.split("␞".encode())
        assert rest == b""
        return [orjson.loads(record)["chunk"] for record in records]

    @property
    def kinds(self) -> list[str]:
        """The types of a stream's records, text told once."""
        return [kind for kind, _ in itertools.groupby(record["type"] for record in self.records)]

    @property
    def text(self) -> str:
        """The answer's running text, of a JSON object or a stream."""
        if self.ex.operation.endswith("stream"):
            return "".join(each["content"]["text"] for each in self.records if each["type"] == "partial_answer")
        return str(self.document["answer"])

    def verdict(self, step: str) -> dict[str, Any]:
        told: dict[str, Any] = self.record["verdicts"][step]
        return told


class Gateway:
    """One generation, with ledger and metrics in memory. `patience`: how many pieces clients take before they leave."""

    def __init__(
        self, chain: str = SHIPPED, stream: str = "window", opaque: str = "pass", changes: Changes = ()
    ) -> None:
        self.patience: int | None = None
        self.kapa = Kapa()
        self.meter = PrometheusMeter()
        self.ledger = MemoryLedger()
        self.clock = FakeClock()
        self.owners = MemoryOwners(self.clock)
        self.owners.claim(ANN, [THREAD, UUID], inf)
        loaded = load(chain, stream, opaque, self.services(), changes)
        assert loaded.generation is not None, loaded.report()
        ids = (f"{number:032x}" for number in itertools.count())
        self.entry = Entry(Live(loaded.generation), self.clock, lambda: next(ids))

    def services(self) -> Services:
        ports: dict[type, Any] = {
            Clock: self.clock,
            Meter: self.meter,
            Hops: self.kapa,
            Ledger: self.ledger,
            Buckets: MemoryBuckets(self.clock),
            Owners: self.owners,
        }
        return Services(ports)

    async def ask(
        self,
        operation: str = "chat",
        document: Any = QUESTION,
        answer: Inbound | bytes | None = None,
        *,
        who: str | None = "ann",
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        path: str | None = None,
    ) -> Told:
        """`document`: bytes as they are, anything else as JSON. `answer`: bytes are a JSON answer with status 200.
        `path`, where the operation is asked under another.
        """
        self.kapa.answer = inbound(answer) if isinstance(answer, bytes) else answer or inbound(chat("Fine."))
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        sent = {"Content-Type": "application/json", **(headers or {})}
        if who is not None:
            sent["X-Api-Key"] = KEYS[who].text
        raw = [(name.encode(), value.encode()) for name, value in sent.items()]
        sink = ListSink(self.patience)
        ex = self.entry.admit(method, (path or PATHS[operation]).encode(), Headers(raw), SentBody(body), "192.0.2.1")
        await self.entry.run(ex, sink)
        return Told(ex, sink, (await self.ledger.query(1))[0])

    def series(self, name: str) -> dict[str, float]:
        found = [line.rpartition(" ") for line in self.meter.render().decode().splitlines()]
        return {key.removeprefix(name): float(value) for key, _, value in found if key.startswith(name + "{")}


def load(
    chain: str,
    stream: str = "window",
    opaque: str = "pass",
    services: Services | None = None,
    changes: Changes = (),
) -> Loaded:
    """A policy with this chain; `opaque` is what its undeclared route says of bodies that guards cannot see.

    `Loaded.report()` says what is wrong with it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gateway.yaml"
        path.write_text(policy(chain, stream, opaque, changes), encoding="utf-8")
        return load_policy([path], References(ENVIRONMENT), lambda settings: services or Gateway(SHIPPED).services())


def chat(answer: str, *, uncertain: bool = False, sources: Iterable[str] = ("Install",), **more: Any) -> bytes:
    """Kapa's JSON answer."""
    document = {
        "answer": answer,
        "thread_id": THREAD,
        "question_answer_id": UUID,
        "is_uncertain": uncertain,
        "relevant_sources": [_source(title) for title in sources],
        **more,
    }
    return orjson.dumps(document)


def records(
    *texts: str, uncertain: bool | None = False, sources: Iterable[str] = ("Install",), early: bool = False
) -> bytes:
    """Kapa's stream. `early`: what it says of its certainty comes before the text."""
    metadata = [] if uncertain is None else [encode_record("metadata", {"is_uncertain": uncertain})]
    said = [encode_record("partial_answer", {"text": text}) for text in texts]
    cited = encode_record("relevant_sources", {"relevant_sources": [_source(title) for title in sources]})
    closing = encode_record("identifiers", {"thread_id": THREAD, "question_answer_id": UUID}, end=True)
    ordered = [*metadata, *said, cited] if early else [*said, cited, *metadata]
    return b"".join([*ordered, closing])


def inbound(*pieces: bytes, status: int = 200, content_type: str = "application/json", **headers: str) -> Inbound:
    """The head and body of an upstream's answer; keyword `retry_after` is the field `retry-after`."""
    fields = [(b"Content-Type", content_type.encode())]
    fields += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Inbound(status, Headers(fields), Pieces(*(piece for piece in pieces if piece)))


def streamed(*pieces: bytes) -> Inbound:
    return inbound(*pieces, content_type="text/plain")


def _source(title: str) -> dict[str, Any]:
    return {"source_url": "https://docs.example/install?by=a@b.example", "title": title}
