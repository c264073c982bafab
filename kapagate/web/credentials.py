"""Who may use the admin port: API keys, digested as those of callers, with the policy's roles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from aiohttp import web

from kapagate.access.roles import Roles
from kapagate.chain.clock import Clock
from kapagate.chain.secret import Secret
from kapagate.identity import api_keys
from kapagate.web.admin import Access, Caller


class Entry(Protocol):
    """A key as the policy declares it."""

    @property
    def id(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def roles(self) -> Sequence[str]: ...
    @property
    def expires(self) -> datetime | None: ...
    @property
    def disabled(self) -> bool: ...


class Credentials:
    """The keys of the admin port, in a header of their own (`header`) or as `Authorization: Bearer kg_...`."""

    def __init__(self, header: str, pepper: Secret, entries: Iterable[Entry], roles: Roles, clock: Clock) -> None:
        self._header = header
        self._pepper = pepper.reveal().encode()
        self._entries = {entry.id: entry for entry in entries}
        self._roles = roles
        self._clock = clock

    def access(self) -> Access:
        challenge = f'ApiKey realm="kapagate", header="{self._header}"'
        return Access(self._authenticate, self._roles.allows, challenge)

    async def _authenticate(self, request: web.Request) -> Caller | None:
        key = api_keys.parse(self._sent(request))
        entry = self._entries.get(key.id) if key else None
        if key is None or entry is None or not api_keys.matches(self._pepper, key, entry.digest):
            return None
        expired = entry.expires is not None and self._clock.wall() >= entry.expires.timestamp()
        return None if entry.disabled or expired else Caller(entry.id, self._roles.declared(tuple(entry.roles)))

    def _sent(self, request: web.Request) -> str:
        values = request.headers.getall(self._header, [])
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.startswith(api_keys.PREFIX):
            values = [*values, token.strip()]
        return values[0] if len(values) == 1 else ""
