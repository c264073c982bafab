"""A tenant's line to Kapa: its key, its addresses, and the fields that every request carries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Self
from urllib.parse import urlencode

import orjson
from msgspec import Struct

from kapagate import __version__
from kapagate.answer.rules import AnswerRules
from kapagate.chain.exchange import Exchange
from kapagate.chain.hop import Outbound
from kapagate.chain.principal import Account
from kapagate.kapa.heads import JSON
from kapagate.kapa.own_key import rules_against
from kapagate.kapa.paths import Targets

_SENT = (
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", b"kapagate/" + __version__.encode()),
)
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Line(Struct, frozen=True):
    """What one tenant's account needs on every call, made once. `headers` go with a body, `reading` without."""

    tenant: str
    account: Account
    key: str
    headers: tuple[tuple[bytes, bytes], ...]
    reading: tuple[tuple[bytes, bytes], ...]
    targets: Targets
    partition: bytes
    rules: tuple[AnswerRules, ...]

    @classmethod
    def made(cls, tenant: str, account: Account, upstream: str, prefix: str) -> Self:
        """`upstream`: its name; `prefix`: the base URL's path."""
        key = account.api_key.reveal()
        reading = ((b"X-API-KEY", key.encode("ascii")), *_SENT)
        rules = (rules_against(key, f"upstream.{upstream}"),)
        targets, digest = Targets(account.project, prefix), sha256(key.encode()).digest()
        return cls(tenant, account, key, (*reading, JSON), reading, targets, digest, rules)

    def posts(self, exchange: Exchange, target: bytes, body: Any) -> Outbound:
        headers = sent_with(exchange, self.headers)
        return Outbound(b"POST", target, headers, orjson.dumps(body), partition=self.partition)

    def reads(self, exchange: Exchange, target: bytes, parameters: Mapping[str, str], method: bytes) -> Outbound:
        if parameters:
            target += b"?" + urlencode(parameters).encode("ascii")
        headers = sent_with(exchange, self.reading)
        return Outbound(method, target, headers, partition=self.partition, idempotent=True)


def sent_with(exchange: Exchange, own: tuple[tuple[bytes, bytes], ...]) -> list[tuple[bytes, bytes]]:
    """The fields of a request: those of the line, and what ties it to the caller's."""
    headers = [*own, (b"X-Correlation-ID", exchange.correlation_id.encode("ascii"))]
    added = exchange.edit.headers
    traceparent = (added and added.get(b"traceparent")) or exchange.request.headers.get(b"traceparent")
    if traceparent is not None and _TRACEPARENT.fullmatch(traceparent):
        headers.append((b"traceparent", traceparent))
    return headers
