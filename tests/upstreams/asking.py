"""Exchanges with a body and headers of the test's choosing, and answers of an upstream that was never there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import orjson
from msgspec.structs import replace

from kapagate.access.roles import Roles
from kapagate.chain.exchange import Exchange
from kapagate.chain.headers import Headers
from kapagate.chain.hop import Inbound
from kapagate.chain.public_url import PublicUrl
from kapagate.chain.request import Request
from kapagate.chain.response import once
from kapagate.chain.route import Route
from kapagate.chain.services import Services
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.kapa.ownership import Owners
from kapagate.stores.memory_owners import MemoryOwners
from tests.chain.conftest import FakeClock
from tests.exchanges import exchange

PUBLIC = "https://ask.example"
PSEUDONYMS = Pseudonyms(b"k" * 32)
SERVICES = Services(
    {
        Pseudonyms: PSEUDONYMS,
        PublicUrl: PublicUrl(PUBLIC),
        Owners: MemoryOwners(FakeClock()),
        Roles: Roles({}),
    }
)
"""What a Kapa upstream borrows."""

Pairs = Iterable[tuple[bytes, bytes]]


class Bytes:
    """A request body that is still under way."""

    def __init__(self, body: bytes, length: int | None) -> None:
        self._body = body
        self.length = length

    def at_hand(self) -> bytes | None:
        return None

    async def read(self, limit: int) -> bytes:
        return self._body

    def stream(self) -> AsyncIterator[bytes]:
        return once(self._body)


def asks(
    route: Route,
    body: Any = None,
    *,
    method: str = "POST",
    path: str = "/",
    query: str = "",
    headers: Pairs = (),
    params: dict[str, str] | None = None,
    inspects: bool = False,
    asserts: Iterable[bytes] = (),
    client: str = "192.0.2.1",
    **more: Any,
) -> Exchange:
    """`body`: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    ex = exchange(route, method=method, operation=route.operation, **more)
    ex.request = Request(method, path, query, Headers(list(headers)), Bytes(raw, len(raw)), client)
    ex.chain = replace(ex.chain, inspects=inspects, asserts=frozenset(asserts))
    ex.params = params or {}
    return ex


def answers(status: int = 200, *headers: tuple[bytes, bytes], body: bytes = b"{}") -> Inbound:
    return Inbound(status, Headers(list(headers)), once(body), len(body))
