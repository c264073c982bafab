"""Short-lived tokens of ours, from which a backend learns who asks (RFC 7519)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from kapagate.chain.clock import Clock
from kapagate.chain.exchange import Exchange
from kapagate.chain.principal import PRINCIPAL, TENANT
from kapagate.identity.sources import Get, one_line


class BackendTokens(Struct, frozen=True, eq=False):
    """Makes a token per caller, tenant and upstream, and keeps it for half of its life.

    A token never outlives the credential that the caller came with. `audience` None: the upstream's name.
    """

    sign: Callable[[dict[str, Any]], bytes]
    header: str
    issuer: str
    audience: str | None
    lifetime: float
    subject: Get
    claims: tuple[tuple[str, Get], ...]
    clock: Clock

    def field(self, exchange: Exchange) -> dict[bytes, bytes]:
        """The header field with the token for the exchange's upstream."""
        facts, now = exchange.facts, self.clock.monotonic()
        kept, key = facts[PRINCIPAL].kept, (self, facts[TENANT], exchange.route.upstream)
        field, until = kept.get(key, (None, 0.0))
        if field is None or now >= until:
            field = self._made(exchange)
            kept[key] = field, now + self.lifetime / 2
        made: dict[bytes, bytes] = field
        return made

    def _made(self, exchange: Exchange) -> dict[bytes, bytes]:
        token = self.sign(self._claims(exchange))
        name = self.header.lower().encode()
        return {name: b"Bearer " + token if name == b"authorization" else token}

    def _claims(self, exchange: Exchange) -> dict[str, Any]:
        now, upstream = self.clock.wall(), exchange.route.upstream
        expires = min(now + self.lifetime, max(exchange[PRINCIPAL].expires, now + 1))
        return {
            "iss": self.issuer,
            "sub": one_line(self.subject(exchange)),
            "aud": self.audience or (upstream.name if upstream is not None else ""),
            "iat": int(now),
            "exp": int(expires),
            **{name: value for name, get in self.claims if (value := get(exchange))},
        }
