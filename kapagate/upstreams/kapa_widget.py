"""The proxy of Kapa's website widget. Path and body are rebuilt, the headers are an allow-list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Annotated, Literal, Self

import orjson
from msgspec import Struct
from msgspec.structs import replace
from pydantic import AfterValidator, Field

from kapagate import __version__
from kapagate.access.roles import Roles
from kapagate.answer.codec import Codec
from kapagate.chain import problems
from kapagate.chain.endpoint import Reachable
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Invalid
from kapagate.chain.hop import Inbound, Outbound
from kapagate.chain.principal import NOBODY, PRINCIPAL, TENANT, Account
from kapagate.chain.problem import Problem
from kapagate.chain.secret import Secret
from kapagate.chain.services import Services
from kapagate.chain.units import Duration
from kapagate.chain.upstream import Compiled
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.kapa.errors import ErrorCodec
from kapagate.kapa.fields import is_uuid, uuid
from kapagate.kapa.heads import JSON, RECORDS, as_it_came, refusal_of, unreadable, written_again
from kapagate.kapa.line import sent_with
from kapagate.kapa.operation import Operation
from kapagate.kapa.ownership import Owners, Ownership
from kapagate.kapa.paths import not_found
from kapagate.kapa.requests import body_of
from kapagate.kapa.widget import WEBSITE, WidgetErrorCodec, captcha_of, operations

_NO_KEY = Secret("")

Uuid = Annotated[str, AfterValidator(uuid)]


class KapaWidget(Reachable):
    """The proxy that Kapa's website widget and React SDK talk to, for the tenants that have an integration there."""

    type: Literal["kapa_widget"] = Field(default="kapa_widget", description="this type")
    integration_id: Uuid | None = Field(
        default=None, description="id of the widget's integration; left out, only tenants with their own are served"
    )
    source_groups: Literal["all"] | Annotated[tuple[Uuid, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="`all`, or the source groups that answers may draw on; needed beside `integration_id`",
    )
    stream: Literal["window", "buffer"] = Field(
        default="window", description="`window`: text flows while it is safe; `buffer`: streams are held to their end"
    )
    also: tuple[Literal["handoff", "files"], ...] = Field(
        default=(),
        description="what is served only where it is listed: `handoff` sends a conversation to an address that the "
        "client names; `files` are uploaded past every guard",
    )
    keep_ids: Annotated[Duration, Field(gt=0)] = Field(
        default=90 * 86400.0, description="how long it is remembered whose a thread or answer is, since its last use"
    )

    def compile(self, name: str, services: Services) -> Compiled:
        self.account()
        served = operations(self.also)
        pseudonym = services[Pseudonyms].of
        own = Ownership(name, services[Owners], pseudonym, services[Roles].allows, self.keep_ids, None)
        held = self.stream == "buffer"
        routes = [replace(each.route(held), innermost=own.step(each)) for each in served]
        by_name = {each.name: each for each in served}
        return Compiled(self.endpoint(name), WidgetAdapter(name, self.prefix, pseudonym, by_name), routes)

    def account(self) -> Account | None:
        """The account that these fields describe; None where the integration is left to tenants. Raises `Invalid`."""
        if self.integration_id is None:
            return None
        if self.source_groups is None:
            raise Invalid("say which of the project's source groups: `all`, or a list of ids", ("source_groups",))
        groups = self.source_groups if isinstance(self.source_groups, tuple) else None
        return Account("", _NO_KEY, self.integration_id, groups, self.stream == "buffer")


class _Line(Struct, frozen=True):
    """What one tenant's integration needs on every call. `said`: the account as bodies know it."""

    tenant: str
    account: Account
    said: Account
    website: str
    headers: tuple[tuple[bytes, bytes], ...]
    partition: bytes

    @classmethod
    def made(cls, tenant: str, account: Account) -> Self:
        website = account.integration_id or ""
        headers = (
            (WEBSITE, website.encode("ascii")),
            (b"Accept", b"*/*"),
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", b"kapagate/" + __version__.encode()),
            JSON,
        )
        said = replace(account, integration_id=None)
        return cls(tenant, account, said, website, headers, sha256(website.encode()).digest())


class WidgetAdapter:
    """The proxy's side of an exchange. `pseudonym` makes one of tenant and subject, where no step made one."""

    def __init__(
        self, upstream: str, prefix: str, pseudonym: Callable[[str, str], str], served: Mapping[str, Operation]
    ) -> None:
        self._upstream = upstream
        self._prefix = prefix
        self._pseudonym = pseudonym
        self._served = served
        self._lines: dict[str, _Line] = {}

    async def outbound(self, exchange: Exchange) -> Outbound:
        line, operation = self._line(exchange), self._served[exchange.route.operation]
        if exchange.params.get("tenant", line.tenant) != line.tenant:
            raise not_found()
        edit, person = exchange.edit, exchange.edit.pseudonym
        if person is None and operation.subject:
            principal = exchange.get(PRINCIPAL) or NOBODY
            person = self._pseudonym(principal.tenant, principal.subject)
        body = body_of(operation, await exchange.document(), line.said, person, edit.context, edit.email)
        target = self._prefix + operation.template
        if operation.item:
            thread = exchange.params[operation.item]
            if not is_uuid(thread):
                raise not_found()
            target = target.replace(f"{{{operation.item}}}", thread.lower())
            if operation.streams:
                body[operation.item] = thread.lower()
        headers = [*sent_with(exchange, line.headers), *captcha_of(exchange.request.headers)]
        return Outbound(b"POST", target.encode("ascii"), headers, orjson.dumps(body), partition=line.partition)

    def inbound(self, exchange: Exchange, head: Inbound, inspected: bool) -> Codec | None:
        website = self._line(exchange).website
        if head.status == 403:
            return WidgetErrorCodec(head.status, website)
        if head.status >= 300:
            if refusal := refusal_of(head):
                raise refusal
            return ErrorCodec(head.status, website)
        operation = self._served[exchange.route.operation]
        if head.status == 204 or head.length == 0 or operation.codec is None:
            return None
        if unread := unreadable(head, RECORDS):
            if inspected:
                raise Problem(problems.UPSTREAM_UNINSPECTABLE, f"Kapa's answer is {unread}, so it cannot be guarded")
            return None
        return operation.codec()

    def headers(self, exchange: Exchange, head: Inbound, inspected: bool) -> list[tuple[bytes, bytes]]:
        response = exchange.response
        if response is not None and response.codec is not None:
            return written_again(head)
        return as_it_came(head)

    def holds(self, exchange: Exchange) -> bool:
        return self._line(exchange).account.buffered

    def _line(self, exchange: Exchange) -> _Line:
        tenant = exchange.get(TENANT)
        account = tenant.accounts.get(self._upstream) if tenant is not None else None
        if tenant is None or account is None:
            raise Problem(problems.NOT_FOUND, "this tenant has no widget here")
        line = self._lines.get(tenant.name)
        if line is None or line.account is not account:
            line = self._lines[tenant.name] = _Line.made(tenant.name, account)
        return line
