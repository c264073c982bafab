"""Tells the upstream what it may know about the caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from re import compile as pattern
from typing import Annotated, Any, Literal

from msgspec import Struct
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from kapagate.chain.clock import Clock
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter, Invalid
from kapagate.chain.headers import field_value
from kapagate.chain.principal import PRINCIPAL, TENANT
from kapagate.chain.secret import Secret
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.units import Duration
from kapagate.chain.upstream import Upstream
from kapagate.identity.backend_tokens import BackendTokens
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.identity.published import PublishedKeys
from kapagate.identity.sources import PER_REQUEST, Get, check_source, getter, is_personal, one_line
from kapagate.kapa.operations import OPERATIONS
from kapagate.kapa.origin import from_referer, without

_RESERVED = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
_X_FIELD = pattern(r"[Xx]-[A-Za-z0-9](?:[A-Za-z0-9-]{0,60}[A-Za-z0-9])?")
_ORIGINS = {"referer": from_referer, "none": without}
_OURS = ("x-forwarded-", "x-real-ip", "x-correlation-id")


def _source(text: str) -> str:
    check_source(text)
    return text


def _header(name: str) -> str:
    if not _X_FIELD.fullmatch(name):
        raise ValueError("expected the name of a field that begins with X-, such as X-Kapagate-Subject")
    if name.lower().startswith(_OURS):
        raise ValueError(f"{name} is written by the gateway itself")
    return name


def _claim_name(name: str) -> str:
    if name in _RESERVED:
        raise ValueError(f"the claim {name} is the token's own")
    return name


class Given(BaseModel):
    """One thing that is told. Without `personal` its source stands alone: `tenant_id: tenant`."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="source")

    source: Annotated[str, AfterValidator(_source)] = Field(description="Where it comes from.")
    personal: bool = Field(False, description="The policy knows that this says who a person is.")

    def __str__(self) -> str:
        return self.source


def _given(value: Any) -> Any:
    return {"source": value} if isinstance(value, str) else value


def _meant(given: Given) -> Given:
    if is_personal(given.source) and not given.personal:
        said = f"{{source: {given.source}, personal: true}}"
        raise ValueError(f"{given.source} is personal: to tell it all the same, say {said}")
    return given


def _lasting(given: Given) -> Given:
    if given.source in PER_REQUEST:
        raise ValueError(f"a token is kept for several requests, so it cannot tell the {given.source} of one")
    return given


Told = Annotated[Given, BeforeValidator(_given), AfterValidator(_meant)]
Lasting = Annotated[Told, AfterValidator(_lasting)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
HeaderName = Annotated[str, AfterValidator(_header)]
TokenHeader = Literal["Authorization"] | HeaderName
ClaimName = Annotated[Name, AfterValidator(_claim_name)]


class Person(BaseModel):
    """Kapa's own fields about a person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Told | None = Field(None, description="Kapa's `user.email`.")
    first_name: Told | None = Field(None, description="Kapa's `user.metadata.first_name`.")
    last_name: Told | None = Field(None, description="Kapa's `user.metadata.last_name`.")
    company_name: Told | None = Field(None, description="Kapa's `user.metadata.company_name`.")


class Token(BaseModel):
    """A short-lived JWT of ours, from which a backend learns who asks and that it was this gateway that said so."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: Secret = Field(description="The private key that signs, in PEM: Ed25519, P-256, P-384, P-521 or RSA.")
    also_published: tuple[Secret, ...] = Field(
        (),
        max_length=8,
        description="Further keys that are published: the next one, and the last until its tokens end.",
    )
    issuer: str = Field(min_length=1, max_length=512, description="The token's `iss`.")
    audience: str | None = Field(None, min_length=1, description="The token's `aud`; by default the upstream's name.")
    header: TokenHeader = Field("Authorization", description="The field that it stands in; `Authorization` as Bearer.")
    lifetime: Duration = Field(60.0, ge=10, le=3600, description="How long it holds, and never longer than the caller.")
    subject: Lasting = Field(Given(source="pseudonym"), description="The token's `sub`, a source.")
    claims: dict[ClaimName, Lasting] = Field(
        {"tenant": Given(source="tenant"), "roles": Given(source="roles")},
        max_length=32,
        description="Its other claims, as `name: source`; `roles` is a list.",
    )


class Backends(BaseModel):
    """What upstreams of the type `http` are told beside `add`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    headers: dict[HeaderName, Told] = Field(
        {},
        max_length=32,
        description="Header fields, as `X-Kapagate-Subject: pseudonym`; the client's own never pass.",
    )
    token: Token | None = Field(None, description="A signed token; its key set is at `/.well-known/jwks.json`.")


class Enrich(Filter):
    """Adds context about the caller to what goes upstream, and puts a pseudonym in the person's place.

    The upstream's type decides where its API has a place for it. What the caller has not got is left out. Sources:
    `tenant`, `tenant_name`, `roles`, `role` (the first in the policy's order), `pseudonym` and `subject` (the
    caller's), `session` (as a pseudonym), `integration`, `language` (the claim `locale`, else `Accept-Language`),
    `claim:<name>`. What says who a person is (`subject`, claims such as `email`, `name`, `phone_number`) is told only
    where it is written as `{source: ..., personal: true}`.
    """

    add: dict[Name, Told] = Field(
        {},
        max_length=32,
        description="What every upstream is told, as `name: source`: Kapa in `user.metadata`, others in "
        "`X-Kapagate-<Name>`.",
    )
    user: Person = Field(Person(), description="What Kapa is told of the person beside the pseudonym.")
    origin_url: Literal["client", "referer", "none"] = Field(
        "client",
        description="The page that a question came from: as the client says, else from `Referer`, or never; always "
        "without query and fragment.",
    )
    backends: Backends = Field(Backends(), description="What upstreams of the type `http` are told beside it.")

    def compile(self, services: Services) -> Step:
        pseudonyms = services[Pseudonyms]

        def read(given: Mapping[str, Given]) -> Reads:
            return tuple((name, getter(each.source, pseudonyms, each.personal)) for name, each in given.items())

        person = {name: each for name in Person.model_fields if (each := getattr(self.user, name)) is not None}
        email = person.pop("email", None)
        headers, token = self.backends.headers, self._tokens(services, read)
        given = (*self.add.values(), *person.values(), *headers.values(), *((email,) if email else ()))
        context = _Context(
            pseudonyms,
            read(self.add),
            read(person),
            getter(email.source, pseudonyms, email.personal) if email else None,
            tuple((name.lower().encode(), get) for name, get in read(headers)),
            token,
            _ORIGINS.get(self.origin_url),
            steady=PER_REQUEST.isdisjoint(each.source for each in given),
        )
        asserted = {name.lower().encode() for name in (*headers, *([token.header] if token else ()))}
        return Step(reads=frozenset({PRINCIPAL, TENANT}), asserts=frozenset(asserted), on_request=context.add)

    def _tokens(self, services: Services, read: Callable[[Mapping[str, Given]], Reads]) -> BackendTokens | None:
        declared = self.backends.token
        if declared is None:
            return None
        from kapagate.identity.signing import SigningKey  # loads what public keys need

        published = services[PublishedKeys]
        keys = []
        for index, secret in enumerate((declared.key, *declared.also_published)):
            try:
                keys.append(SigningKey(secret.reveal().encode()))
            except ValueError as cause:
                at = ("also_published", index - 1) if index else ("key",)
                raise Invalid(f"{secret.reference}: {cause}", ("backends", "token", *at)) from cause
            published.add(keys[-1].jwk)
        (_, subject), *claims = read({"sub": declared.subject, **declared.claims})
        return BackendTokens(
            keys[0].sign,
            declared.header,
            declared.issuer,
            declared.audience,
            declared.lifetime,
            subject,
            tuple(claims),
            services[Clock],
        )


Reads = tuple[tuple[str, Get], ...]


class _Told(Struct, frozen=True):
    """What one upstream is told of one caller. `signed`: a token goes along."""

    context: dict[str, str]
    pseudonym: str
    email: str
    headers: dict[bytes, bytes]
    signed: bool


class _Context(Struct, frozen=True, eq=False):
    """The compiled filter. `steady`: what is told follows from principal, tenant and upstream, so it is made once."""

    pseudonyms: Pseudonyms
    additions: Reads
    person: Reads
    email: Get | None
    headers: tuple[tuple[bytes, Get], ...]
    token: BackendTokens | None
    origin: Callable[[Any, str | None], Any] | None
    steady: bool

    async def add(self, exchange: Exchange) -> None:
        facts = exchange.facts
        kept, key = facts[PRINCIPAL].kept, (self, facts[TENANT], exchange.route.upstream)
        told: _Told | None = kept.get(key)
        if told is None:
            told = self._told(exchange)
            if self.steady:
                kept[key] = told
        edit = exchange.edit.with_context(told.context).with_pseudonym(told.pseudonym)
        if told.email:
            edit = edit.with_email(told.email)
        if told.headers:
            edit = edit.with_headers(told.headers)
        if told.signed and self.token is not None:
            edit = edit.with_headers(self.token.field(exchange))
        exchange.edit = edit
        if self.origin is not None and "metadata" in _fields(exchange):
            referer = exchange.request.headers.text(b"referer")
            exchange.edit = exchange.edit.with_document(self.origin(await exchange.document(), referer))

    def _told(self, exchange: Exchange) -> _Told:
        principal, upstream = exchange[PRINCIPAL], exchange.route.upstream
        backend = _is_backend(upstream)
        reads = self.additions if backend else self.additions + self.person
        email = "" if backend or self.email is None else one_line(self.email(exchange))
        headers = {name: field_value(value) for name, value in _lines(self.headers, exchange)} if backend else {}
        pseudonym = self.pseudonyms.of(principal.tenant, principal.subject)
        return _Told(dict(_lines(reads, exchange)), pseudonym, email, headers, backend and self.token is not None)


def _lines(reads: Any, exchange: Exchange) -> Any:
    return ((name, value) for name, get in reads if (value := one_line(get(exchange))))


def _is_backend(upstream: Upstream | None) -> bool:
    """Whether an upstream takes header fields that are not its API's own."""
    return upstream is not None and getattr(upstream.declaration, "type", None) == "http"


def _fields(exchange: Exchange) -> Mapping[str, Any]:
    """The fields that the operation's body may have."""
    operation = OPERATIONS.get(exchange.route.operation)
    return operation.fields if operation is not None else {}
