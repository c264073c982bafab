"""API keys: the gateway's own, made by `kapagate keys create`."""

from __future__ import annotations

import math
from typing import Annotated

from msgspec import Struct
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from kapagate.access.roles import Roles
from kapagate.chain import problems
from kapagate.chain.clock import Clock
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Invalid
from kapagate.chain.principal import Principal
from kapagate.chain.problem import Problem
from kapagate.chain.scheme import Recogniser, Scheme
from kapagate.chain.secret import Secret
from kapagate.chain.services import Services
from kapagate.identity import api_keys
from kapagate.identity.bearer import AUTHORIZATION, bearer, single

_LEAST_PEPPER = 16
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class ApiKeyEntry(BaseModel):
    """One key, as `kapagate keys create` prints it. The key itself stands nowhere, only its digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=rf"^{api_keys.ID}$", description="The key's public name, its third part.")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="HMAC-SHA-256 of the key under the pepper.", repr=False)
    tenant: Name = Field(description="The tenant that the caller belongs to.")
    subject: Name = Field(description="The caller's stable name within the tenant.")
    roles: tuple[str, ...] = Field(description="Roles that the policy declares.")
    env: str | None = Field(
        None, pattern=rf"^{api_keys.ENVIRONMENT}$", description="The environment in the key's text."
    )
    expires: AwareDatetime | None = Field(None, description="From when on the key is refused, with a UTC offset.")
    disabled: bool = Field(False, description="Refuse the key from now on.")


class ApiKey(Scheme):
    """Recognises callers by an API key in a header of its own, or as `Authorization: Bearer kg_...`."""

    header: HeaderName = Field("X-Api-Key", description="The header that carries the key.")
    pepper: Secret = Field(description="The secret that the keys' digests are made with; at least 16 bytes.")
    keys: tuple[ApiKeyEntry, ...] = Field(description="The keys, here or in a file that is named.")

    def compile(self, services: Services) -> Recogniser:
        pepper = self.pepper.reveal().encode("utf-8")
        if len(pepper) < _LEAST_PEPPER:
            raise Invalid(f"the pepper needs at least {_LEAST_PEPPER} bytes", ("pepper",))
        header = self.header.lower().encode("ascii")
        challenge = f'ApiKey realm="kapagate", header="{self.header}"'
        known = _compiled(self.keys, services[Roles])
        ring = _Ring(header, pepper, known, services[Clock], challenge)
        return Recogniser(ring.recognise, frozenset({header, AUTHORIZATION}), challenge, steady=True)


class _Known(Struct, frozen=True):
    """A key of the policy, with the principal that it stands for."""

    entry: ApiKeyEntry
    principal: Principal


def _compiled(entries: tuple[ApiKeyEntry, ...], roles: Roles) -> dict[str, _Known]:
    known: dict[str, _Known] = {}
    for index, entry in enumerate(entries):
        if entry.id in known:
            raise Invalid(f"the key {entry.id} stands here twice", ("keys", index, "id"))
        for position, role in enumerate(entry.roles):
            if role not in roles.names:
                raise Invalid(f"there is no role {role!r}", ("keys", index, "roles", position))
        expires = entry.expires.timestamp() if entry.expires else math.inf
        roles_held = roles.declared(entry.roles)
        principal = Principal(entry.subject, entry.tenant, roles_held, "api_key", expires=expires, key=entry.id)
        known[entry.id] = _Known(entry, principal)
    return known


class _Ring(Struct, frozen=True):
    """The compiled scheme."""

    header: bytes
    pepper: bytes
    known: dict[str, _Known]
    clock: Clock
    challenge: str

    async def recognise(self, exchange: Exchange) -> Principal | None:
        text = self._sent(exchange)
        if text is None:
            return None
        principal = self._verified(text).principal
        if self.clock.wall() >= principal.expires:
            raise self._refusal("the API key has expired")
        return principal

    def _verified(self, text: str) -> _Known:
        key = api_keys.parse(text)
        known = self.known.get(key.id) if key is not None else None
        if key is None or known is None or not api_keys.matches(self.pepper, key, known.entry.digest):
            raise self._refusal("the API key is not valid")
        if known.entry.disabled or known.entry.env not in (None, key.env):
            raise self._refusal("the API key is not valid")
        return known

    def _sent(self, exchange: Exchange) -> str | None:
        headers = exchange.request.headers
        own = single(headers, self.header)
        token = bearer(headers)
        if token is None or not token.startswith(api_keys.PREFIX):
            return own
        if own is not None and own != token:
            raise Problem(problems.AMBIGUOUS_CREDENTIALS, "two different API keys were sent")
        return token

    def _refusal(self, detail: str) -> Problem:
        return Problem(problems.INVALID_CREDENTIALS, detail, challenges=[self.challenge])
