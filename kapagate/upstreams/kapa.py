"""Kapa.ai's API. Path and body are rebuilt, the headers are an allow-list, the key is the tenant's own."""

from __future__ import annotations

from collections.abc import Callable
from re import compile as pattern
from typing import Annotated, Literal

from msgspec.structs import replace
from pydantic import AfterValidator, Field

from kapagate.access.roles import Roles
from kapagate.answer.codec import Codec
from kapagate.chain import problems
from kapagate.chain.details import DETAILS
from kapagate.chain.endpoint import Reachable
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Invalid
from kapagate.chain.hop import Inbound, Outbound
from kapagate.chain.principal import NOBODY, PRINCIPAL, TENANT, Account
from kapagate.chain.problem import Problem
from kapagate.chain.public_url import PublicUrl
from kapagate.chain.secret import Secret
from kapagate.chain.services import Services
from kapagate.chain.units import Duration
from kapagate.chain.upstream import Compiled
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.kapa.enquiry import Enquiry
from kapagate.kapa.errors import ErrorCodec
from kapagate.kapa.fields import uuid
from kapagate.kapa.heads import OBJECTS, RECORDS, as_it_came, refusal_of, unreadable, written_again
from kapagate.kapa.line import Line
from kapagate.kapa.links import path_of, relinked
from kapagate.kapa.listings import PagedCodec
from kapagate.kapa.operation import Operation
from kapagate.kapa.operations import AGENT_SESSION, OPERATIONS
from kapagate.kapa.ownership import Owners, Ownership
from kapagate.kapa.paths import not_found
from kapagate.kapa.query_api import figures_of, in_kapas_words
from kapagate.kapa.requests import body_of, parameters_for

_KEY = pattern(r"[!-~]+")

Uuid = Annotated[str, AfterValidator(uuid)]
Deprecated = Literal[
    "custom_chat", "custom_chat_stream", "search", "analytics_activity", "legacy_query", "legacy_query_stream"
]


class Kapa(Reachable):
    """A project at Kapa.ai, or one per tenant: tenants may bring project, key, integration and source groups."""

    type: Literal["kapa"] = Field(default="kapa", description="this type")
    project: Uuid | None = Field(default=None, description="id of the Kapa project")
    api_key: Secret | None = Field(default=None, description="reference to the project's API key")
    integration_id: Uuid | None = Field(default=None, description="integration under which Kapa books the calls")
    source_groups: Literal["all"] | Annotated[tuple[Uuid, ...], Field(min_length=1)] | None = Field(
        default=None, description="`all`, or the source groups that answers may draw on; needed beside `project`"
    )
    stream: Literal["window", "buffer"] = Field(
        default="window", description="`window`: text flows while it is safe; `buffer`: streams are held to their end"
    )
    agent_session: Literal["on", "unguarded", "off"] = Field(
        default="on",
        description="whether sessions of Kapa's agent are opened, with which browsers talk to Kapa past every guard; "
        "where a guard of answers is locked, `on` is not enough: say `unguarded`, or `off`",
    )
    deprecated: tuple[Deprecated, ...] = Field(
        default=(), description="operations that Kapa has deprecated and that are served nevertheless"
    )

    unknown_thread: Literal["ask_kapa", "refuse"] = Field(
        default="ask_kapa",
        description="a thread that the gateway does not remember: `ask_kapa` whether nobody but the caller's pseudonym "
        "took part in it, or `refuse` it",
    )
    keep_ids: Annotated[Duration, Field(gt=0)] = Field(
        default=90 * 86400.0, description="how long it is remembered whose a thread or answer is, since its last use"
    )

    def compile(self, name: str, services: Services) -> Compiled:
        self.account()
        held, unguarded = self.stream == "buffer", self.agent_session == "unguarded"
        adapter = KapaAdapter(name, self.prefix, services[Pseudonyms].of, services[PublicUrl])
        enquire = Enquiry(adapter.enquiry) if self.unknown_thread == "ask_kapa" else None
        allows = services[Roles].allows
        own = Ownership(name, services[Owners], services[Pseudonyms].of, allows, self.keep_ids, enquire)
        served = [each for each in OPERATIONS.values() if self._serves(each)]
        routes = [replace(each.route(held, unguarded), innermost=own.step(each)) for each in served]
        return Compiled(self.endpoint(name), adapter, routes)

    def _serves(self, operation: Operation) -> bool:
        if operation is AGENT_SESSION:
            return self.agent_session != "off"
        return not operation.deprecated or operation.name in self.deprecated

    def account(self) -> Account | None:
        """The account that these fields describe; None while project or key are left to tenants. Raises `Invalid`."""
        if self.api_key is not None and not _KEY.fullmatch(self.api_key.reveal()):
            raise Invalid(f"the key behind {self.api_key.reference} has a character that no API key has", ("api_key",))
        if self.project is not None and self.source_groups is None:
            raise Invalid("say which of the project's source groups: `all`, or a list of ids", ("source_groups",))
        if self.project is None or self.api_key is None:
            return None
        groups = self.source_groups if isinstance(self.source_groups, tuple) else None
        return Account(self.project, self.api_key, self.integration_id, groups, self.stream == "buffer")


class KapaAdapter:
    """Kapa's side of an exchange. `pseudonym` makes one of tenant and subject, where no step made one."""

    def __init__(self, upstream: str, prefix: str, pseudonym: Callable[[str, str], str], public: PublicUrl) -> None:
        self._upstream = upstream
        self._prefix = prefix
        self._pseudonym = pseudonym
        self._public = public
        self._lines: dict[str, Line] = {}

    async def outbound(self, exchange: Exchange) -> Outbound:
        line = self._line(exchange)
        if exchange.params.get("tenant", line.tenant) != line.tenant:
            raise not_found()
        called = OPERATIONS[exchange.route.operation]
        says_nothing = called.bare and exchange.request.body.length == 0
        said = {} if says_nothing else await exchange.document()
        operation, params, document = in_kapas_words(called, exchange.params, said)
        exchange.upstream_rules = line.rules
        if called.ours and (figures := figures_of(called, said)):
            exchange.put(DETAILS, figures)
        exchange.operation = operation.name
        target = line.targets.of(operation, params)
        if operation.method == "GET":
            parameters = parameters_for(operation, document, line.account)
            return line.reads(exchange, target, parameters, exchange.request.method.encode("ascii"))
        person = exchange.edit.pseudonym
        if person is None and operation.subject:
            principal = exchange.get(PRINCIPAL) or NOBODY
            person = self._pseudonym(principal.tenant, principal.subject)
        edit = exchange.edit
        return line.posts(
            exchange, target, body_of(operation, document, line.account, person, edit.context, edit.email)
        )

    def enquiry(self, exchange: Exchange, thread: str) -> Outbound:
        """The request that reads a thread, with who took part in it."""
        line = self._line(exchange)
        target = line.targets.of(OPERATIONS["thread"], {"thread_id": thread})
        return line.reads(exchange, target, {"include": "end_user"}, b"GET")

    def inbound(self, exchange: Exchange, head: Inbound, inspected: bool) -> Codec | None:
        if head.status >= 300:
            if refusal := refusal_of(head):
                raise refusal
            return ErrorCodec(head.status, self._line(exchange).key)
        operation = OPERATIONS[exchange.operation]
        if head.status == 204 or head.length == 0:
            return None
        if unread := unreadable(head, RECORDS if operation.streams else OBJECTS):
            if inspected or operation.paged:
                raise Problem(problems.UPSTREAM_UNINSPECTABLE, f"Kapa's answer is {unread}, so it cannot be guarded")
            return None
        if operation.paged:
            address = self._public.of(exchange.request) + exchange.request.path
            return PagedCodec(lambda link: relinked(link, address, operation.fields))
        return operation.codec() if operation.codec else ErrorCodec(head.status, self._line(exchange).key)

    def headers(self, exchange: Exchange, head: Inbound, inspected: bool) -> list[tuple[bytes, bytes]]:
        if not inspected and head.status < 400:
            return as_it_came(head)
        told = written_again(head)
        if head.status == 201 and (location := self._location(exchange, head)) is not None:
            told.append((b"Location", location))
        return told

    def holds(self, exchange: Exchange) -> bool:
        return self._line(exchange).account.buffered

    def _location(self, exchange: Exchange, head: Inbound) -> bytes | None:
        """Where the gateway has what Kapa has made; None where it does not serve it."""
        path = path_of(head.headers.get(b"location") or b"", self._prefix)
        route, _ = exchange.generation.match("GET", path)
        if not route.found or route.upstream is not exchange.route.upstream:
            return None
        tenant = exchange.params.get("tenant")
        under = f"/t/{tenant}" if tenant else ""
        return f"{self._public.of(exchange.request)}{under}{path}".encode("ascii")

    def _line(self, exchange: Exchange) -> Line:
        tenant = exchange.get(TENANT)
        account = tenant.accounts.get(self._upstream) if tenant is not None else None
        if tenant is None or account is None:
            raise Problem(problems.NOT_FOUND, "this tenant has no Kapa project here")
        line = self._lines.get(tenant.name)
        if line is None or line.account is not account:
            line = self._lines[tenant.name] = Line.made(tenant.name, account, self._upstream, self._prefix)
        return line
