"""The port to the sockets upstream. `proxy/` stands behind it in production, a script in policy tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from kapagate.chain.headers import Headers

if TYPE_CHECKING:
    from kapagate.chain.exchange import Exchange


class Endpoint(Struct, frozen=True):
    """Where an upstream is and how it is spoken to. Times in seconds.

    `ca_file`: PEM file of the certificate authorities that are believed instead of the system's. `client_cert` and
    `client_key`: PEM files of the certificate (with its chain) and key that we show. `connections` is the pool's bound;
    above it at most `queue` requests wait for `queue_timeout`.
    """

    name: str
    host: str
    port: int
    tls: bool = False
    ca_file: str | None = None
    connect_timeout: float = 2.0
    first_byte_timeout: float = 90.0
    idle_timeout: float = 30.0
    connections: int = 256
    queue: int = 128
    queue_timeout: float = 5.0
    client_cert: str | None = None
    client_key: str | None = None
    keep_alive_timeout: float = 15.0

    @property
    def authority(self) -> str:
        """The Host field (RFC 9110, 7.2): the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


class Outbound(Struct):
    """A request for the upstream, complete but for framing, `Host` and `Connection`, which the hop adds.

    `target` is the origin form. `body` bytes go with their length, an iterator goes chunked unless `length` is known.
    Connections are shared only within one `partition` (one credential). `idempotent`: it may be sent again when a
    connection that served others before ends without a byte of an answer (RFC 9110, 9.2.2).
    """

    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes | AsyncIterator[bytes] = b""
    length: int | None = None
    partition: Hashable = None
    idempotent: bool = False


class Inbound(Struct):
    """The head of the upstream's answer, hop-by-hop fields removed, and its body.

    `length` from Content-Length, else None. `body` raises Truncated when the message breaks off, Problem
    `upstream-timeout` when it idles too long. It must be iterated to its end or closed (`aclose`).
    """

    status: int
    headers: Headers
    body: AsyncIterator[bytes]
    length: int | None = None


class Hop(Protocol):
    """Sends one request over a pooled connection and returns when the answer's head is there.

    Raises Problem: `upstream-unreachable`, `upstream-timeout`, `upstream-malformed`, `upstream-busy`; raises Gone when
    `exchange.leave()` was called meanwhile, and then the upstream's connection is closed.
    """

    async def send(self, outbound: Outbound, exchange: Exchange) -> Inbound: ...


class Hops(Protocol):
    """Hands out a hop per endpoint; the same endpoint gets the same pool, so that reloads keep connections."""

    def open(self, endpoint: Endpoint) -> Hop: ...
