"""Kapa.ai's API. Path and body are rebuilt, the headers are an allow-list, the key is the tenant's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from re import compile as pattern
from typing import Annotated, Literal
from urllib.parse import urlencode

import orjson
from pydantic import AfterValidator, Field

from kapagate import __version__
from kapagate.access.roles import Roles
from kapagate.answer.codec import Codec
from kapagate.answer.rules import AnswerRules
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
from kapagate.kapa.links import path_of, relinked
from kapagate.kapa.listings import PagedCodec
from kapagate.kapa.operation import Operation
from kapagate.kapa.operations import AGENT_SESSION, OPERATIONS
from kapagate.kapa.own_key import rules_against
from kapagate.kapa.ownership import Owners, Ownership
from kapagate.kapa.paths import Targets, not_found
from kapagate.kapa.query_api import figures_of, in_kapas_words
from kapagate.kapa.requests import body_of, parameters_for

_JSON = (b"Content-Type", b"application/json")
_SENT = (
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", b"kapagate/" + __version__.encode()),
)
_RELAYED = frozenset({b"content-type", b"content-encoding", b"retry-after", b"cache-control"})
_RELAYED_BESIDE_JSON = ((b"cache-control", b"Cache-Control"), (b"retry-after", b"Retry-After"))
_OBJECTS = frozenset({b"application/json"})
_FAILURES = {429: problems.UPSTREAM_LIMITED, 503: problems.UPSTREAM_UNAVAILABLE}
_RECORDS = _OBJECTS | {b"text/plain"}
_TRACEPARENT = pattern(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
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


@dataclass(frozen=True, slots=True)
class Line:
    """What one tenant's account needs on every call, made once. `headers` go with a body, `reading` without."""

    tenant: str
    account: Account
    key: str
    headers: tuple[tuple[bytes, bytes], ...]
    reading: tuple[tuple[bytes, bytes], ...]
    targets: Targets
    partition: bytes
    rules: tuple[AnswerRules, ...]


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
            return _reading(exchange, line, target, parameters, exchange.request.method.encode("ascii"))
        person = exchange.edit.pseudonym
        if person is None and operation.subject:
            principal = exchange.get(PRINCIPAL) or NOBODY
            person = self._pseudonym(principal.tenant, principal.subject)
        edit = exchange.edit
        body = body_of(operation, document, line.account, person, edit.context, edit.email)
        headers = _headers(exchange, line.headers)
        return Outbound(b"POST", target, headers, orjson.dumps(body), partition=line.partition)

    def enquiry(self, exchange: Exchange, thread: str) -> Outbound:
        """The request that reads a thread, with who took part in it."""
        line = self._line(exchange)
        target = line.targets.of(OPERATIONS["thread"], {"thread_id": thread})
        return _reading(exchange, line, target, {"include": "end_user"}, b"GET")

    def inbound(self, exchange: Exchange, head: Inbound, inspected: bool) -> Codec | None:
        if head.status in (401, 403):
            detail = "Kapa refused the key that this gateway holds for the tenant"
            raise Problem(problems.UPSTREAM_CREDENTIALS, detail)
        if head.status >= 400:
            if not _is(head, _OBJECTS):
                raise _failed(head)
            return ErrorCodec(head.status, self._line(exchange).key)
        if 300 <= head.status < 400:
            raise Problem(problems.UPSTREAM_MALFORMED, "Kapa answered with a redirect, which is never followed")
        operation = OPERATIONS[exchange.operation]
        if head.status == 204 or head.length == 0:
            return None
        if unread := _unreadable(head, _RECORDS if operation.streams else _OBJECTS):
            if inspected:
                raise Problem(problems.UPSTREAM_UNINSPECTABLE, f"Kapa's answer is {unread}, so it cannot be guarded")
            return None
        if operation.paged:
            address = self._public.of(exchange.request) + exchange.request.path
            return PagedCodec(lambda link: relinked(link, address, operation.fields))
        return operation.codec() if operation.codec else ErrorCodec(head.status, self._line(exchange).key)

    def headers(self, exchange: Exchange, head: Inbound, inspected: bool) -> list[tuple[bytes, bytes]]:
        if not inspected and head.status < 400:
            return [field for field in head.headers.raw if field[0].lower() in _RELAYED]
        told = [(name, value) for lower, name in _RELAYED_BESIDE_JSON for value in head.headers.all(lower)]
        if head.status == 201 and (location := self._location(exchange, head)) is not None:
            told.append((b"Location", location))
        return [_JSON, *told]

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
            line = self._lines[tenant.name] = self._made(tenant.name, account)
        return line

    def _made(self, tenant: str, account: Account) -> Line:
        key = account.api_key.reveal()
        headers = ((b"X-API-KEY", key.encode("ascii")), *_SENT)
        rules = (rules_against(key, f"upstream.{self._upstream}"),)
        targets, digest = Targets(account.project, self._prefix), sha256(key.encode()).digest()
        return Line(tenant, account, key, (*headers, _JSON), headers, targets, digest, rules)


def _reading(exchange: Exchange, line: Line, target: bytes, parameters: Mapping[str, str], method: bytes) -> Outbound:
    if parameters:
        target += b"?" + urlencode(parameters).encode("ascii")
    headers = _headers(exchange, line.reading)
    return Outbound(method, target, headers, partition=line.partition, idempotent=True)


def _headers(exchange: Exchange, own: tuple[tuple[bytes, bytes], ...]) -> list[tuple[bytes, bytes]]:
    headers = [*own, (b"X-Correlation-ID", exchange.correlation_id.encode("ascii"))]
    added = exchange.edit.headers
    traceparent = (added and added.get(b"traceparent")) or exchange.request.headers.get(b"traceparent")
    if traceparent is not None and _TRACEPARENT.fullmatch(traceparent):
        headers.append((b"traceparent", traceparent))
    return headers


def _unreadable(head: Inbound, medias: frozenset[bytes]) -> str:
    """Why no guard could see the same bytes as the client, whole and in plain; empty when one can."""
    coding = head.headers.get(b"content-encoding")
    if head.status == 206 or coding not in (None, b"", b"identity"):
        return "partial or coded"
    return "" if _is(head, medias) else "not JSON"


def _is(head: Inbound, medias: frozenset[bytes]) -> bool:
    said = head.headers.get(b"content-type") or b""
    return said in medias or said.partition(b";")[0].strip().lower() in medias


def _failed(head: Inbound) -> Problem:
    """An error in words that nobody here can vouch for: a page of what stands in front of Kapa."""
    wait = head.headers.get(b"retry-after") or b""
    detail = f"Kapa answered with an error that is not shown (status {head.status})"
    kind = _FAILURES.get(head.status, problems.UPSTREAM_FAILED)
    return Problem(kind, detail, retry_after=float(wait) if wait.isdigit() else None)
