"""Bearer tokens of an identity provider."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Struct
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kapagate.access.hosts import is_loopback
from kapagate.answer.document import strict_loads
from kapagate.chain import problems
from kapagate.chain.clock import Clock
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Invalid
from kapagate.chain.principal import Principal
from kapagate.chain.problem import Problem
from kapagate.chain.scheme import Recogniser, Scheme
from kapagate.chain.secret import Secret
from kapagate.chain.services import Services
from kapagate.chain.units import Duration
from kapagate.identity.bearer import AUTHORIZATION, bearer
from kapagate.identity.claims import claim, names_claim, text_claim
from kapagate.identity.key_sets import SHARED, Declared, KeySet, KeySets, KeySource
from kapagate.identity.tokens import MOST_LEEWAY, Expected, NoKey, Rejected, addressed_to, is_token, verify

_CHALLENGE = 'Bearer realm="kapagate"'
_REFUSED = f'{_CHALLENGE}, error="invalid_token"'  # RFC 6750, 3.1
log = logging.getLogger(__name__)

Algorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]


def _keys(value: Any) -> Any:
    """The URL of a key set, or a set; which may come as the text of the file that it was read from."""
    if not isinstance(value, str):
        return value
    if value.startswith(("https://", "http://")):
        return _url(value)
    try:
        return strict_loads(value.encode("utf-8", "surrogatepass"))
    except ValueError:
        raise ValueError(
            "expected a JSON Web Key Set, such as ${file:/run/secrets/jwks.json}, or the URL of one"
        ) from None


def _url(text: str) -> str:
    parts = urlsplit(text)
    if not parts.hostname or not text.isascii() or not text.isprintable() or " " in text or parts.port == 0:
        raise ValueError("expected a URL such as https://id.example/jwks.json")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("the URL of a key set has no user and no fragment")
    return text


class Claims(BaseModel):
    """Which claims say what; a path into nested claims has dots (`realm_access.roles`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant: str | None = Field(None, min_length=1, description="The claim that names the tenant.")
    roles: str = Field("roles", min_length=1, description="The claim with the roles: a list, or one text with blanks.")
    subject: str = Field("sub", min_length=1, description="The claim with the caller's stable name.")
    session: str = Field("sid", min_length=1, description="The claim with the session's id.")


class Jwt(Scheme):
    """Recognises callers by a signed token in `Authorization: Bearer`, verified as RFC 8725 says."""

    issuer: str = Field(min_length=1, description="The token's `iss`, exactly.")
    audience: str | tuple[str, ...] = Field(min_length=1, description="The `aud` that tokens for this gateway have.")
    algorithms: tuple[Algorithm, ...] = Field(min_length=1, description="The signature algorithms that are accepted.")
    secret: Secret | None = Field(None, description="The shared secret, for HS256 (32 bytes or more), HS384, HS512.")
    keys: Annotated[str | dict[str, Any] | None, BeforeValidator(_keys)] = Field(
        None,
        description="The provider's public keys, for all other algorithms: the URL of a JSON Web Key Set, which is "
        "fetched at start and whenever it is no longer fresh, or the set itself. `http://` needs a loopback host or "
        "`plain_http`.",
    )
    ca_file: str | None = Field(
        None, min_length=1, description="PEM file of the authorities that are believed at that URL, not the system's."
    )
    plain_http: tuple[str, ...] = Field(
        (), description="Hosts whose key set may be fetched without TLS although they are not this machine."
    )
    claims: Claims = Field(Claims(), description="Which claims say who the caller is.")
    tenant: str | None = Field(None, min_length=1, description="The tenant of tokens without a tenant claim.")
    tenants: tuple[str, ...] | None = Field(None, description="All tenants that this issuer may name; default: any.")
    leeway: Duration = Field(30.0, ge=0, le=MOST_LEEWAY, description="How far clocks may disagree, at most 60s.")

    def compile(self, services: Services) -> Recogniser:
        if self.tenant is None and self.claims.tenant is None:
            raise Invalid("say which claim names the tenant (claims: {tenant: ...}), or name one (tenant: ...)")
        audiences = frozenset([self.audience] if isinstance(self.audience, str) else self.audience)
        try:
            expected = Expected(self.issuer, audiences, frozenset(self.algorithms), self.leeway)
        except ValueError as cause:
            raise Invalid(str(cause)) from cause
        keys = self._source(services)
        desk = _Desk(self, expected, keys, services[Clock])
        revision = keys.revision if isinstance(self.keys, str) else None
        return Recogniser(desk.recognise, frozenset({AUTHORIZATION}), _CHALLENGE, steady=True, revision=revision)

    def _source(self, services: Services) -> KeySource:
        shared = [name for name in self.algorithms if name in SHARED]
        if shared and len(shared) != len(self.algorithms):
            raise Invalid("algorithms with a shared secret and with public keys do not go together", ("algorithms",))
        source, other = ("secret", "keys") if shared else ("keys", "secret")
        if getattr(self, source) is None:
            raise Invalid(f"{self.algorithms[0]} needs `{source}`", ("algorithms",))
        if getattr(self, other) is not None:
            raise Invalid(f"{self.algorithms[0]} has no use for `{other}`", (other,))
        try:
            if isinstance(self.keys, str):
                self._check_transport(self.keys)
                return services[KeySets].open(self.keys, self.algorithms, self.ca_file)
            if self.secret is not None:
                return Declared(KeySet.of_secret(self.secret.reveal(), self.algorithms))
            return Declared(KeySet.of_jwks(self.keys or {}, self.algorithms))
        except ValueError as cause:
            raise Invalid(str(cause), (source,)) from cause

    def _check_transport(self, url: str) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme == "http" and not is_loopback(host) and host not in {each.lower() for each in self.plain_http}:
            raise ValueError(f"{host} is not this machine: use https, or name it in `plain_http`")


class _Desk(Struct, frozen=True):
    """The compiled scheme."""

    declared: Jwt
    expected: Expected
    keys: KeySource
    clock: Clock

    async def recognise(self, exchange: Exchange) -> Principal | None:
        token = bearer(exchange.request.headers)
        if token is None or not is_token(token) or not addressed_to(token, self.expected):
            return None
        return self._principal(await self._claims(token, exchange))

    async def _claims(self, token: str, exchange: Exchange) -> dict[str, Any]:
        keys = await self.keys.key_set()
        try:
            try:
                return verify(token, self.expected, keys, self.clock.wall())
            except NoKey:
                keys = await self.keys.newer(keys)
                return verify(token, self.expected, keys, self.clock.wall())
        except Rejected as cause:
            detail = "the token has expired" if cause.expired else "the token is not valid"
            log.info("a token of %s was refused: %s", self.expected.issuer, cause, extra={"exchange": exchange})
            raise Problem(problems.INVALID_CREDENTIALS, detail, challenges=[_REFUSED]) from cause

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        names = self.declared.claims
        subject = text_claim(claims, names.subject)
        if subject is None:
            raise Problem(problems.INVALID_CREDENTIALS, "the token is not valid", challenges=[_REFUSED])
        return Principal(
            subject,
            self._tenant(claims),
            names_claim(claims, names.roles),
            "jwt",
            text_claim(claims, names.session),
            claims,
            claims["exp"],
        )

    def _tenant(self, claims: Mapping[str, Any]) -> str:
        """The tenant's name; empty, which no tenant is called, when the token names none or one that it may not."""
        name = self.declared.claims.tenant
        if name is None or claim(claims, name) is None:
            return self.declared.tenant or ""
        tenant = text_claim(claims, name) or ""
        return tenant if self.declared.tenants is None or tenant in self.declared.tenants else ""
