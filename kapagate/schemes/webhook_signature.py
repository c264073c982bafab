"""Signed webhooks: other services that call by themselves."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kapagate.access.roles import Roles
from kapagate.chain import problems
from kapagate.chain.clock import Clock
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Invalid
from kapagate.chain.principal import Principal
from kapagate.chain.problem import Problem
from kapagate.chain.request import Kept
from kapagate.chain.route import Routes
from kapagate.chain.scheme import Recogniser, Scheme
from kapagate.chain.secret import Secret
from kapagate.chain.services import Services
from kapagate.chain.units import Duration
from kapagate.identity import signatures
from kapagate.identity.deliveries import DELIVERY, Deliveries
from kapagate.identity.replays import Delivery, Replays
from kapagate.identity.signatures import FORMATS, Encoding, Format, Rejected, Sent
from kapagate.identity.signed_text import Template

_NO_SENDER = (bytes(32),)  # so that a sender that is not there takes as long as one that is
log = logging.getLogger(__name__)

FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^([^{}]{1,256}|\{[a-z][a-z0-9_]*\})$")]
SourceName = Annotated[str, StringConstraints(pattern=r"^[^{}/]{1,256}$")]
Secrets = Annotated[tuple[Secret, ...], Field(min_length=1, max_length=8)]


class Signed(BaseModel):
    """How `hmac_sha256` signs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signature: FieldName = Field(description="The header with the signature.")
    template: str = Field(
        description="The text that is signed: `{body}`, `{timestamp}` and `{id}` with punctuation between them, such "
        "as `{id}.{timestamp}.{body}`."
    )
    timestamp: FieldName | None = Field(None, description="The header with the time, in Unix seconds.")
    id: FieldName | None = Field(None, description="The header with the message's id.")
    encoding: Encoding = Field("hex", description="How the signature is written.")
    prefix: str = Field("", pattern=r"^[!-~]{0,32}$", description="What stands before it, such as `sha256=`.")

    def format(self) -> Format:
        """Raises `Invalid`."""
        try:
            template = Template.parsed(self.template)
        except ValueError as cause:
            raise Invalid(str(cause), ("signed", "template")) from cause
        if ("timestamp" in template.names) != (self.timestamp is not None):
            raise Invalid("a time counts only when it is signed: name its header, and {timestamp}", ("signed",))
        if "id" in template.names and self.id is None:
            raise Invalid("name the header of the {id} that is signed", ("signed", "template"))
        names = [(name or "").lower().encode("ascii") for name in (self.signature, self.timestamp, self.id)]
        if len({*names} - {b""}) != len([name for name in names if name]):
            raise Invalid("signature, timestamp and id have a header each", ("signed",))
        codes = signatures.prefixed(self.prefix.encode("ascii"))
        return Format(names[0], template, codes, names[1], names[2], self.encoding)


class WebhookSignature(Scheme):
    """Recognises messages of other services by their signature, and delivers each one once.

    Their headers go on to the backend, which may verify them again and tell messages by their ids. A message that was
    answered with 2xx gets the same status when it comes again, without a second delivery.
    """

    answers_itself: ClassVar[bool] = True

    scheme: Literal["standard", "github", "slack", "stripe", "hmac_sha256"] = Field(
        description="Who signs in which way; `standard` is https://www.standardwebhooks.com."
    )
    secrets: tuple[Secret, ...] = Field(
        (), max_length=8, description="The shared secrets; several while one takes another's place."
    )
    sources: dict[SourceName, Secrets] = Field(
        {}, description="In place of `secrets`: those of each sender, by the path parameter that tells them apart."
    )
    signed: Signed | None = Field(None, description="How messages are signed; for `hmac_sha256` alone.")
    tolerance: Duration = Field(300.0, gt=0, le=3600, description="How old a message may be, or how far ahead.")
    remember: Duration = Field(
        86400.0, le=604800, description="How long a delivered message is remembered: at least twice the tolerance."
    )
    remember_by: Literal["id", "text"] | None = Field(
        None,
        description="What makes two messages the same: their id, or all that is signed. By default the id where it is "
        "signed, and GitHub's.",
    )
    tenant: Name = Field(description="The tenant of the messages, or `{source}`: the path parameter that names it.")
    subject: Name = Field(description="The sender's stable name within the tenant, or the path parameter.")
    roles: tuple[str, ...] = Field((), description="Roles that the policy declares.")

    def compile(self, services: Services) -> Recogniser:
        form = self._format()
        challenge = f'Webhook realm="kapagate", header="{form.signature.decode()}"'
        desk = _Desk(
            form,
            self._parameter(services),
            self._senders(services[Roles]),
            self.tolerance,
            self.remember,
            self._by_id(form),
            services[Clock],
            challenge,
        )
        attends = Deliveries(services[Replays]).step()
        return Recogniser(desk.recognise, form.fields, challenge, relayed=form.fields, attends=attends)

    def _format(self) -> Format:
        if (self.scheme == "hmac_sha256") != (self.signed is not None):
            raise Invalid("`signed` says how hmac_sha256 signs, and goes with it alone", ("signed",))
        return self.signed.format() if self.signed else FORMATS[self.scheme]

    def _by_id(self, form: Format) -> bool:
        if self.remember < 2 * self.tolerance:
            raise Invalid("messages are remembered for at least twice the tolerance", ("remember",))
        if self.remember_by == "id" and not form.id:
            raise Invalid("these messages have no id", ("remember_by",))
        by_default = "id" if form.identified or self.scheme == "github" else "text"
        return (self.remember_by or by_default) == "id"

    def _parameter(self, services: Services) -> str:
        """The path parameter that tells senders apart; empty: there is one sender."""
        named = {text[1:-1]: at for at, text in (("subject", self.subject), ("tenant", self.tenant)) if text[0] == "{"}
        if len(named) > 1:
            raise Invalid("one path parameter tells the senders apart", ("subject",))
        for name, at in named.items():
            if not self.sources:
                detail = "no signature covers the path: who is named there needs secrets of their own (sources: {...})"
                raise Invalid(detail, (at,))
            routes = services[Routes]
            if routes.whole and not any(f"{{{name}}}" in route.template for route in routes.routes):
                raise Invalid(f"no route has the path parameter {{{name}}}", (at,))
        if bool(self.secrets) == bool(self.sources):
            raise Invalid("give either `secrets`, or `sources` with the secrets of each", ("secrets",))
        if self.sources and not named:
            raise Invalid("say in `tenant` or `subject` which path parameter names the source", ("sources",))
        return next(iter(named), "")

    def _senders(self, roles: Roles) -> dict[str, _Sender]:
        for index, role in enumerate(self.roles):
            if role not in roles.names:
                raise Invalid(f"there is no role {role!r}", ("roles", index))
        held = roles.declared(self.roles)
        if self.secrets:
            return {"": self._sender("", self.secrets, held, ("secrets",))}
        return {name: self._sender(name, secrets, held, ("sources", name)) for name, secrets in self.sources.items()}

    def _sender(
        self, name: str, secrets: Sequence[Secret], roles: tuple[str, ...], at: tuple[str | int, ...]
    ) -> _Sender:
        keys: list[bytes] = []
        for index, secret in enumerate(secrets):
            try:
                key = signatures.key_of(self.scheme, secret.reveal())
            except ValueError as cause:
                raise Invalid(str(cause), (*at, index)) from cause
            if key in keys:
                raise Invalid("this secret stands here twice", (*at, index))
            keys.append(key)
        tenant, subject = (name if text.startswith("{") else text for text in (self.tenant, self.subject))
        principal = Principal(subject, tenant, roles, "webhook_signature")
        return _Sender(tuple(keys), principal, f"{self.scheme}:{len(tenant)}:{tenant}:{subject}")


class _Sender(Struct, frozen=True):
    """Who sends: the keys, the principal, and the name under which deliveries are remembered."""

    keys: tuple[bytes, ...]
    principal: Principal
    source: str


class _Desk(Struct, frozen=True):
    """The compiled scheme. `senders` by the value of the path's `parameter`, or the only one under no name."""

    form: Format
    parameter: str
    senders: Mapping[str, _Sender]
    tolerance: float
    remember: float
    by_id: bool
    clock: Clock
    challenge: str

    async def recognise(self, exchange: Exchange) -> Principal | None:
        try:
            sent = self.form.sent(exchange.request.headers)
            if sent is None:
                return None
            signatures.check_time(sent, self.clock.wall(), self.tolerance)
        except Rejected as cause:
            raise self._refusal(str(cause), exchange) from cause
        sender = self.senders.get(exchange.params.get(self.parameter, ""))
        body = await _received(exchange)
        keys = sender.keys if sender is not None else _NO_SENDER
        index = signatures.matched(self.form, sent, body, keys)
        if sender is None or index is None:
            raise self._refusal("the signature is not valid", exchange)
        exchange.verdict().reason = f"secret {index + 1} of {len(keys)}"
        exchange.put(DELIVERY, Delivery(sender.source, self._mark(sent, body), self.remember, 2 * self.tolerance))
        return sender.principal

    def _mark(self, sent: Sent, body: bytes) -> bytes:
        return signatures.mark_of_id(sent) if self.by_id else signatures.mark_of_text(self.form, sent, body)

    def _refusal(self, detail: str, exchange: Exchange) -> Problem:
        fields = {"exchange": exchange}
        log.info("a webhook with %s was refused: %s", self.form.signature.decode(), detail, extra=fields)
        return Problem(problems.INVALID_CREDENTIALS, detail, challenges=[self.challenge])


async def _received(exchange: Exchange) -> bytes:
    """The body as it came; it can be read again."""
    request = exchange.request
    try:
        body = await request.body.read(exchange.route.body_limit)
    except Problem as cause:
        request.body = Kept(failure=cause)
        raise
    request.body = Kept(body)
    return body
