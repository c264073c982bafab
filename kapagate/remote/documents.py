"""JSON documents of other people's servers, fetched within bounds: time, size, one answer, no other address.

A URL of the policy may lead anywhere once its host's name is resolved, so the addresses are looked at then. Nothing is
kept between two fetches: they are minutes apart.
"""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import ssl
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from msgspec import Struct

from kapagate import __version__
from kapagate.answer.document import strict_loads

DEADLINE = 5.0
LARGEST = 1 << 20
_ASKS = {
    "Accept": "application/jwk-set+json, application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"kapagate/{__version__}",
}
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})\"?(?=$|[\s,])", re.IGNORECASE)

Allowed = Callable[[str], bool]
"""Whether an address, a literal as resolvers give it, may be asked."""


class Unavailable(Exception):
    """There is no document. The text says why, for operators; it quotes nothing of the answer."""


class Fetched(Struct, frozen=True):
    """A document, and for how many seconds its server calls it fresh (RFC 9111, 5.2.2.1)."""

    document: Any
    max_age: float | None


class Documents:
    """Fetches documents. `allowed` decides about each address after resolution, and about literals."""

    def __init__(self, allowed: Allowed, deadline: float = DEADLINE) -> None:
        self._allowed = allowed
        self._deadline = deadline

    def may_be_asked(self, url: str) -> bool:
        """False for a URL whose host is an address that is not allowed; names show only when they are resolved."""
        host = urlsplit(url).hostname or ""
        return self._allowed(host) if _is_literal(host) else True

    async def fetch(self, url: str, ca_file: str | None = None) -> Fetched:
        """The JSON document at `url`: status 200, at most 1 MiB, within the deadline, never after a redirect.

        `ca_file`: PEM file of the authorities that are believed instead of the system's. Raises Unavailable.
        """
        if not self.may_be_asked(url):
            raise Unavailable("its address is one that is never asked")
        try:
            async with asyncio.timeout(self._deadline):
                return await self._fetched(url, ca_file)
        except TimeoutError:
            raise Unavailable(f"no answer within {self._deadline:g} s") from None
        except (ClientError, OSError, ValueError) as cause:
            raise Unavailable(str(cause) or type(cause).__name__) from cause

    async def _fetched(self, url: str, ca_file: str | None) -> Fetched:
        secure = urlsplit(url).scheme == "https"
        context = await asyncio.to_thread(_context, ca_file) if secure else True
        connector = TCPConnector(resolver=_Resolver(self._allowed), use_dns_cache=False, force_close=True, ssl=context)
        session = ClientSession(
            connector=connector, cookie_jar=DummyCookieJar(), timeout=ClientTimeout(total=None), auto_decompress=False
        )
        async with session, session.get(url, headers=_ASKS, allow_redirects=False) as response:
            _check(response)
            document = strict_loads(await _body(response))
            return Fetched(document, max_age(response.headers.get("Cache-Control", "")))


def max_age(cache_control: str) -> float | None:
    """Seconds; 0 where nothing may be kept, None where nothing is said."""
    directives = cache_control.lower()
    if "no-store" in directives or "no-cache" in directives:
        return 0.0
    found = _MAX_AGE.search(directives)
    return float(found[1]) if found else None


def _check(response: ClientResponse) -> None:
    if response.status != 200:
        raise Unavailable(f"status {response.status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Unavailable("the answer has a content coding that was not asked for")


async def _body(response: ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > LARGEST:
            raise Unavailable(f"the answer is larger than {LARGEST >> 20} MiB")
    return bytes(body)


def _context(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _is_literal(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


class _Resolver(AbstractResolver):
    """The system's resolver, without the addresses that are not allowed."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        allowed = [each for each in found if self._allowed(each["host"])]
        if not allowed:
            raise OSError(errno.EPERM, f"{host} has no address that may be asked")
        return allowed

    async def close(self) -> None:
        await self._system.close()
