"""The upstream of a case: it says what the script says, and remembers what it was asked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import orjson
from msgspec import Struct

from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.headers import Headers
from kapagate.chain.hop import Endpoint, Inbound, Outbound
from kapagate.chain.problem import Problem
from kapagate.chain.response import Truncated
from kapagate.policytest.clock import FrozenClock
from kapagate.policytest.declaration import Cuts, Script

THREAD = "11111111-1111-4111-8111-111111111111"
ANSWER = "22222222-2222-4222-8222-222222222222"
FINE = Script(answer="This is how it is done.")
_SEPARATOR = "␞".encode()
_CHAT = ("chat", "query")
_WORDS = re.compile(r"\S+\s*|\s+")


class Asked(Struct, frozen=True):
    """One request as the upstream received it."""

    upstream: str
    method: str
    target: str
    headers: Headers
    body: bytes


class ScriptedHops:
    """`Hops` of a case. `script` is what is said to the next request, `asked` what was asked so far."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        self.script = FINE
        self.asked: list[Asked] = []

    def open(self, endpoint: Endpoint) -> ScriptedHop:
        return ScriptedHop(endpoint, self)


class ScriptedHop:
    """The way to one upstream."""

    def __init__(self, endpoint: Endpoint, hops: ScriptedHops) -> None:
        self._endpoint = endpoint
        self._hops = hops

    async def send(self, outbound: Outbound, exchange: Exchange) -> Inbound:
        body = outbound.body
        sent = body if isinstance(body, bytes) else b"".join([piece async for piece in body])
        target, headers = outbound.target.decode(), Headers(outbound.headers)
        self._hops.asked.append(Asked(self._endpoint.name, outbound.method.decode(), target, headers, sent))
        script, clock = self._hops.script, self._hops.clock
        if script.fault == "unreachable":
            raise Problem(problems.UPSTREAM_UNREACHABLE, "the upstream cannot be reached")
        exchange.times.sent = clock.monotonic()
        if script.latency > self._endpoint.first_byte_timeout:
            clock.advance(self._endpoint.first_byte_timeout)
            raise Problem(problems.UPSTREAM_TIMEOUT, "the upstream did not answer in time")
        clock.advance(script.latency)
        exchange.times.answered = clock.monotonic()
        pieces, media, length = _said(script, exchange)
        named = {name.lower() for name in script.headers}
        fields = [(name.encode(), value.encode()) for name, value in script.headers.items()]
        if media and "content-type" not in named:
            fields.append((b"Content-Type", media))
        return Inbound(script.status, Headers(fields), _flow(pieces, script.fault == "truncated"), length)


async def _flow(pieces: Sequence[bytes], breaks: bool) -> AsyncIterator[bytes]:
    """The pieces; of one that breaks off the first half of their bytes."""
    left = sum(map(len, pieces)) // 2 if breaks else -1
    for piece in pieces:
        if breaks and len(piece) > left:
            if left:
                yield piece[:left]
            raise Truncated("the script breaks off here")
        left -= len(piece)
        yield piece


def _said(script: Script, exchange: Exchange) -> tuple[list[bytes], bytes, int | None]:
    """The body's pieces, its media type, and its length where it is said beforehand."""
    if script.body is not None:
        text = isinstance(script.body, str)
        body = script.body.encode() if text else orjson.dumps(script.body)
        return _cut([body], script.cut), b"text/plain" if text else b"application/json", len(body)
    streams = exchange.operation.endswith("_stream")
    if script.records is not None or (streams and script.answer is not None):
        records = [*map(_encoded, script.records)] if script.records is not None else [*_records(script)]
        return _cut(records, script.cut), b"text/plain", None
    answered = exchange.operation.removesuffix("_stream").endswith(_CHAT) and script.answer is not None
    body = orjson.dumps(_answer(script)) if answered else b"{}"
    return _cut([body], script.cut), b"application/json", len(body)


def _answer(script: Script) -> dict[str, Any]:
    """Kapa's answer as one object."""
    return {
        "answer": script.answer,
        "thread_id": THREAD,
        "question_answer_id": ANSWER,
        "is_uncertain": script.uncertain,
        "relevant_sources": [*_sources(script)],
    }


def _records(script: Script) -> Iterator[bytes]:
    """The same as Kapa streams it: a word a record."""
    for word in _WORDS.findall(script.answer or ""):
        yield _record("partial_answer", {"text": word})
    yield _record("relevant_sources", {"relevant_sources": [*_sources(script)]})
    yield _record("metadata", {"is_uncertain": script.uncertain})
    yield _record("identifiers", {"thread_id": THREAD, "question_answer_id": ANSWER}, True)


def _sources(script: Script) -> Iterator[dict[str, Any]]:
    for source in script.sources:
        if isinstance(source, dict):
            yield source
        else:
            slug = re.sub(r"[^a-z0-9]+", "-", source.lower())
            yield {"source_url": f"https://docs.example/{slug}", "title": source, "contains_internal_data": False}


def _record(kind: str, content: dict[str, Any], ends: bool = False) -> bytes:
    return _encoded({"type": kind, "content": content, "stream_end": ends})


def _encoded(record: dict[str, Any]) -> bytes:
    """A record behind which its separator stands; one of a script need not say whether it is the last."""
    whole = record if "stream_end" in record else {**record, "stream_end": record.get("type") == "identifiers"}
    return orjson.dumps({"chunk": whole}).replace(_SEPARATOR, b"\\u241e") + _SEPARATOR


def _cut(pieces: Iterable[bytes], cut: Cuts) -> list[bytes]:
    if cut == "records":
        return [piece for piece in pieces if piece]
    whole = b"".join(pieces)
    if cut == "bytes":
        return [whole[at : at + 1] for at in range(len(whole))]
    offsets = [] if cut == "whole" else sorted({at for at in cut if 0 < at < len(whole)})
    return [whole[start:end] for start, end in pairwise([0, *offsets, len(whole)]) if end > start]
