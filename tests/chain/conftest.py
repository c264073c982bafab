"""Doubles of the engine's ports, and a laboratory that puts them together: no sockets, no clocks, no waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from kapagate.answer.codec import Codec
from kapagate.answer.events import Event, Text
from kapagate.answer.rules import AnswerRules, Edit
from kapagate.chain import problems
from kapagate.chain.compose import Placed, Steps
from kapagate.chain.edit import UNREAD
from kapagate.chain.exchange import Exchange, Times
from kapagate.chain.generation import Generation
from kapagate.chain.headers import Headers
from kapagate.chain.hop import Inbound, Outbound
from kapagate.chain.options import Options
from kapagate.chain.principal import PRINCIPAL, TENANT, Principal, Tenant
from kapagate.chain.problem import Gone, Problem
from kapagate.chain.request import Request
from kapagate.chain.response import Response
from kapagate.chain.route import SURFACES, Route
from kapagate.chain.run import run
from kapagate.chain.sink import Head
from kapagate.chain.step import Step
from kapagate.chain.upstream import Upstream


@dataclass
class FakeClock:
    """Time that stands still until it is told to go on."""

    now: float = 100.0
    unix: float = 1_700_000_000.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.unix

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.unix += seconds


class Pieces:
    """A body from a script: bytes are yielded, exceptions raised. `released`: read to its end, or closed."""

    def __init__(self, *script: bytes | BaseException) -> None:
        self._script = list(script)
        self.closed = False
        self.ended = False

    @property
    def released(self) -> bool:
        return self.closed or self.ended

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        assert not self.closed, "read after it was closed"
        if not self._script:
            self.ended = True
            raise StopAsyncIteration
        piece = self._script.pop(0)
        if isinstance(piece, BaseException):
            self.ended = True
            raise piece
        return piece

    async def aclose(self) -> None:
        self.closed = True


class SentBody:
    """A request's body; `reads` counts how often it was taken. Above the limit, or by `failure`, it fails."""

    def __init__(self, data: bytes, failure: BaseException | None = None) -> None:
        self._data = data
        self._failure = failure
        self.reads = 0

    @property
    def length(self) -> int | None:
        return len(self._data)

    def at_hand(self) -> bytes | None:
        return None

    async def read(self, limit: int) -> bytes:
        self.reads += 1
        assert self.reads == 1, "a body is taken once"
        if self._failure is not None:
            raise self._failure
        if len(self._data) > limit:
            raise Problem(problems.BODY_TOO_LARGE, f"the body is longer than {limit} bytes")
        return self._data

    async def stream(self) -> AsyncIterator[bytes]:
        yield await self.read(1 << 30)


class ListSink:
    """Keeps what the client would get. `patience`: how many writes it takes before the client leaves."""

    def __init__(self, patience: int | None = None) -> None:
        self.heads: list[Head] = []
        self.pieces: list[bytes] = []
        self.ended = False
        self.was_cut = False
        self._patience = patience

    @property
    def head(self) -> Head:
        assert len(self.heads) == 1, "the head leaves once"
        return self.heads[0]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def problem(self) -> Any:
        assert (b"Content-Type", b"application/problem+json") in self.head.headers
        assert self.ended
        return orjson.loads(self.body)

    def header(self, name: bytes) -> bytes | None:
        return Headers(self.head.headers).get(name)

    async def open(self, head: Head, piece: bytes, last: bool) -> None:
        self.heads.append(head)
        await self.write(piece, last)

    async def write(self, piece: bytes, last: bool) -> None:
        assert not self.ended
        assert not self.was_cut
        if self._patience == len(self.pieces):
            raise Gone
        self.pieces.append(piece)
        self.ended = last

    def cut(self) -> None:
        self.was_cut = True


class PlainCodec:
    """Every chunk is a piece of running text. `words`: whether its wire can tell a refusal after the head."""

    whole = False
    dropped = 0

    def __init__(self, words: bool = True) -> None:
        self._words = words

    def decode(self, chunk: bytes) -> Iterable[Event]:
        return [Text(chunk.decode())]

    def end(self) -> Iterable[Event]:
        return []

    def encode(self, events: Iterable[Event]) -> bytes:
        return b"".join(event.text.encode() for event in events if isinstance(event, Text))

    def finish(self, events: Iterable[Event]) -> bytes:
        return self.encode(events)

    def failure(self, reason: str) -> bytes | None:
        return f"<error: {reason}>".encode() if self._words else None


class WholeCodec(PlainCodec):
    """One value: nothing leaves before its end."""

    whole = True


class ScriptedHop:
    """Answers with what it is given; what was sent is kept."""

    def __init__(self, answer: Inbound | BaseException | None = None) -> None:
        self.answer: Inbound | BaseException = answer or inbound(b"fine")
        self.sent: list[Outbound] = []

    async def send(self, outbound: Outbound, exchange: Exchange) -> Inbound:
        self.sent.append(outbound)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@dataclass
class ToyAdapter:
    """Passes on what it gets; `codec` makes a codec per answer, `fails` raises in the method of that name."""

    codec: Callable[[], Codec] | None = None
    held: bool = False
    fails: dict[str, BaseException] = field(default_factory=dict)

    async def outbound(self, exchange: Exchange) -> Outbound:
        self._fail("outbound")
        request, document = exchange.request, exchange.edit.document
        if document is UNREAD:
            body = b"".join([piece async for piece in request.body.stream()])
        else:
            body = orjson.dumps(document)
        headers = [*request.headers.raw, *exchange.edit.headers.items()]
        return Outbound(request.method.encode(), request.path.encode(), headers, body)

    def inbound(self, exchange: Exchange, head: Inbound, inspected: bool) -> Codec | None:
        self._fail("inbound")
        return self.codec() if self.codec and inspected else None

    def headers(self, exchange: Exchange, head: Inbound, inspected: bool) -> list[tuple[bytes, bytes]]:
        self._fail("headers")
        return list(head.headers.raw)

    def holds(self, exchange: Exchange) -> bool:
        return self.held

    def _fail(self, method: str) -> None:
        if method in self.fails:
            raise self.fails[method]


@dataclass(frozen=True)
class Replace:
    """A text rule: one word becomes another, or is refused, or makes it fail."""

    word: str
    text: str = "***"
    refuse: bool = False
    reach: int = 16
    context: int = 0
    kinds: frozenset[Any] = frozenset({"answer"})

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Any], int]:
        found, at = [], text.find(self.word, start)
        while at >= 0:
            found.append(Edit(at, at + len(self.word), self.text, "word", refuse=self.refuse))
            at = text.find(self.word, at + len(self.word))
        tail = found[-1].end if found else start
        return found, len(text) if final else max(tail, len(text) - len(self.word) + 1)


@dataclass(frozen=True)
class Broken(Replace):
    """A text rule with a bug."""

    word: str = ""

    def scan(self, text: str, start: int, final: bool) -> tuple[Sequence[Any], int]:
        raise RuntimeError("a bug in a text rule")


def inbound(*script: bytes | BaseException, status: int = 200, length: int | None = None) -> Inbound:
    return Inbound(status, Headers([(b"Content-Type", b"text/plain")]), Pieces(*script), length)


def local(*pieces: bytes, codec: Codec | None = None) -> Response:
    return Response(200, body=Pieces(*pieces), codec=codec, local=True)


class Lab:
    """One generation with one route, and everything that stands around it. `log` tells which hook ran when."""

    Body = SentBody
    Broken = Broken
    Clock = FakeClock
    Pieces = Pieces
    PlainCodec = PlainCodec
    Replace = Replace
    Sink = ListSink
    WholeCodec = WholeCodec
    inbound = staticmethod(inbound)
    local = staticmethod(local)

    def __init__(self) -> None:
        self.log: list[str] = []
        self.clock = FakeClock()
        self.hop = ScriptedHop()
        self.adapter = ToyAdapter(PlainCodec)
        self.upstream = Upstream("toy", self.adapter, self.hop)
        self.sink = ListSink()
        self.tenant = Tenant("acme")

    @property
    def upstream_body(self) -> Pieces:
        answer = self.hop.answer
        assert isinstance(answer, Inbound)
        assert isinstance(answer.body, Pieces)
        return answer.body

    def step(self, name: str, *, only: Iterable[str] = (), **acts: Any) -> Step:
        """A step that logs `<phase> <name>` in each phase (or in `only` some) and then acts: exceptions are raised,
        functions of the exchange called, anything else returned. Phases: request, answer, opening, seal, done.
        """

        def act(phase: str, ex: Exchange) -> Any:
            self.log.append(f"{phase} {name}")
            action = acts.get(phase)
            if isinstance(action, BaseException):
                raise action
            return action(ex) if callable(action) and not isinstance(action, AnswerRules) else action

        def waiting(phase: str) -> Any:
            async def hook(ex: Exchange) -> Any:
                return act(phase, ex)

            return hook

        def prompt(phase: str) -> Any:
            return lambda ex: act(phase, ex)

        phases = set(only) or {"request", "answer", "opening", "seal", "done"}
        kinds = {"request": waiting, "answer": prompt, "opening": waiting, "seal": waiting, "done": prompt}
        hooks = {f"on_{phase}": make(phase) for phase, make in kinds.items() if phase in phases}
        declared = {key: acts[key] for key in ("reads", "writes", "needs", "asserts") if key in acts}
        return Step(**hooks, **declared)

    def placed(
        self, name: str, /, *, options: dict[str, Any] | None = None, step: Step | None = None, **acts: Any
    ) -> Placed:
        return Placed(name, name, step or self.step(name, **acts), Options.model_validate(options or {}))

    def identify(self, *roles: str, subject: str = "ann", tenant: Tenant | None = None) -> Placed:
        def known(ex: Exchange) -> None:
            ex.put(PRINCIPAL, Principal(subject, "acme", roles))
            ex.put(TENANT, tenant or self.tenant)

        return self.placed("identify", only=["request"], request=known, writes=frozenset({PRINCIPAL, TENANT}))

    def route(self, **changes: Any) -> Route:
        fields: dict[str, Any] = {
            "name": "chat",
            "methods": frozenset({"POST"}),
            "template": "/chat",
            "permission": "route.chat",
            "operation": "chat",
            "upstream": None if "serve" in changes else self.upstream,
            "shows": frozenset(SURFACES),
        }
        return Route(**{**fields, **changes})

    def generation(
        self, gate: Sequence[Placed] = (), chain: Sequence[Placed] = (), routes: Sequence[Route] = ()
    ) -> Generation:
        return Generation(
            routes=routes or [self.route()], steps=Steps(gate, chain), tenants={"acme": self.tenant}, policy="0" * 8
        )

    def exchange(
        self,
        gate: Sequence[Placed] = (),
        chain: Sequence[Placed] = (),
        *,
        route: Route | None = None,
        method: str = "POST",
        path: str = "/chat",
        body: SentBody | bytes = b'{"query":"why"}',
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> Exchange:
        generation = self.generation(gate, chain, [route or self.route()])
        matched, params = generation.match(method, path)
        sent = SentBody(body) if isinstance(body, bytes) else body
        return Exchange(
            request=Request(method, path, "", Headers(headers), sent),
            route=matched,
            params=params,
            correlation_id="corr-1",
            decision="d" * 32,
            times=Times(self.clock.monotonic()),
            received_at=self.clock.wall(),
            generation=generation,
            chain=generation.stranger(matched, method),
            operation=matched.operation,
        )

    async def run(self, gate: Sequence[Placed] = (), chain: Sequence[Placed] = (), **request: Any) -> Exchange:
        ex = self.exchange(gate, chain, **request)
        await run(ex, self.sink, self.clock)
        return ex

    def phases(self, name: str) -> list[str]:
        """The phases in which one step ran."""
        return [entry.split()[0] for entry in self.log if entry.split()[1] == name]


@pytest.fixture
def lab() -> Lab:
    return Lab()
