"""Kapa's hosted MCP servers (streamable HTTP). The path is rebuilt, messages are read, the key is the tenant's own."""

from __future__ import annotations

from hashlib import sha256
from re import compile as pattern
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

import orjson
from msgspec import Struct
from pydantic import AfterValidator, Field

from kapagate import __version__
from kapagate.answer.codec import Codec
from kapagate.answer.rules import AnswerRules
from kapagate.chain import problems
from kapagate.chain.endpoint import Reachable, Timeouts
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Invalid
from kapagate.chain.hop import Inbound, Outbound
from kapagate.chain.path import canonical
from kapagate.chain.principal import NOBODY, PRINCIPAL, TENANT, Account
from kapagate.chain.problem import Problem
from kapagate.chain.route import Route, Surface
from kapagate.chain.secret import Secret
from kapagate.chain.services import Services
from kapagate.chain.units import Duration
from kapagate.chain.upstream import Compiled
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.identity.seals import Seals
from kapagate.kapa.errors import ErrorCodec
from kapagate.kapa.fields import uuid
from kapagate.kapa.heads import OBJECTS, as_it_came, unreadable, written_again
from kapagate.kapa.line import sent_with
from kapagate.kapa.mcp import asked, said_for
from kapagate.kapa.mcp_answers import McpBody, McpEvents, Nothing
from kapagate.kapa.mcp_heads import AS_EVENTS, EVENTS, METHODS, refusal_by_server
from kapagate.kapa.operation import TENANT_PREFIX
from kapagate.kapa.own_key import rules_against
from kapagate.kapa.rpc import messages_of, refused, request_ids

PLATFORM: Final = "mcp.kapa.ai"
_KEY = pattern(r"[!-~]+")
_ACCEPT = pattern(rb"[A-Za-z0-9/*+;=., -]{1,256}")
_VERSION = pattern(rb"[A-Za-z0-9._-]{1,64}")
_EVENT = pattern(rb"[!-~]{1,512}")
_ACCEPTED: Final = {"POST": b"application/json, text/event-stream", "GET": b"text/event-stream"}
_HIDES: Final[frozenset[Surface]] = frozenset({"sources", "whole answer"})
"""What tools tell, but not so that a guard could find it: to take a source out may leave nothing of an answer."""

Uuid = Annotated[str, AfterValidator(uuid)]


def _path(text: str) -> str:
    try:
        same = canonical(text.encode()) == text
    except Problem as cause:
        raise ValueError(cause.detail) from None
    if not same or "{" in text:
        raise ValueError("expected a path such as /mcp/")
    return text


class StreamTimeouts(Timeouts):
    """How long an MCP server may take."""

    idle: Annotated[Duration, Field(gt=0)] = Field(
        default=3600.0, description="between two pieces of an answer; a server that has nothing to say is silent"
    )


class KapaMcp(Reachable):
    """One of Kapa's hosted MCP servers, for the tenants that have a key for it; it belongs to one Kapa project."""

    type: Literal["kapa_mcp"] = Field(default="kapa_mcp", description="this type")
    path: Annotated[str, AfterValidator(_path)] = Field(
        default="/mcp/", description="where clients of the gateway find it, with and without the slash at its end"
    )
    server: Literal["project", "platform"] = Field(
        default="project",
        description="`platform`: Kapa's own server, which changes sources and spends quota; it is refused unless this "
        "says so",
    )
    api_key: Secret | None = Field(
        default=None, description="reference to the project's API key; left out, only tenants with their own are served"
    )
    source_groups: Literal["all"] | Annotated[tuple[Uuid, ...], Field(min_length=1)] | None = Field(
        default=None, description="`all`, or the source groups that tools may draw on; needed beside `api_key`"
    )
    batch: int = Field(
        default=1,
        ge=1,
        le=100,
        description="the most requests in one body; limits count it as one request, and MCP has given batches up",
    )
    on_uninspectable: Literal["error", "pass", "refuse"] = Field(
        default="error",
        description="for guards of sources, which tools tell as they like: `error` refuses the policy, `pass` does "
        "without them, `refuse` refuses the answers",
    )
    timeouts: StreamTimeouts = Field(default=StreamTimeouts(), description="`connect`, `first_byte`, `idle`")

    def compile(self, name: str, services: Services) -> Compiled:
        self.account()
        if (urlsplit(self.url).hostname or "").rstrip(".") == PLATFORM and self.server != "platform":
            what = "this is Kapa's platform server, which changes sources and spends quota"
            raise Invalid(f"{what}: say `server: platform` if you mean it", ("url",))
        adapter = McpAdapter(name, self.prefix, Seals(services[Pseudonyms], name), self.batch)
        return Compiled(self.endpoint(name), adapter, self._routes(name))

    def account(self) -> Account | None:
        """The account that these fields describe; None where the key is left to tenants. Raises `Invalid`."""
        if self.api_key is None:
            return None
        if not _KEY.fullmatch(self.api_key.reveal()):
            raise Invalid(f"the key behind {self.api_key.reference} has a character that no API key has", ("api_key",))
        if self.source_groups is None:
            raise Invalid("say which of the project's source groups: `all`, or a list of ids", ("source_groups",))
        groups = self.source_groups if isinstance(self.source_groups, tuple) else None
        return Account("", self.api_key, None, groups)

    def _routes(self, name: str) -> list[Route]:
        own, _, _ = self.path.rpartition("/") if self.path.endswith("/") else (self.path, "", "")
        spellings = [each for each in (own, f"{own}/") if each and each != self.path]
        aliases = (*spellings, *(f"{TENANT_PREFIX}{each}" for each in (self.path, *spellings)))
        permission = "kapa.mcp" if self.server == "project" else "kapa.mcp_platform"

        def route(method: str, operation: str, **more: Any) -> Route:
            return Route(
                f"{name}.{operation}",
                frozenset({method}),
                self.path,
                permission,
                f"mcp_{operation}",
                on_uninspectable=self.on_uninspectable,
                tells=refused,
                aliases=aliases,
                **more,
            )

        return [
            route(
                "POST",
                "messages",
                finds_texts=asked,
                shows=frozenset[Surface]({"question", "answer text"}),
                hides=_HIDES,
            ),
            route("GET", "stream", shows=frozenset[Surface]({"answer text"}), hides=_HIDES, endless=True),
            route("DELETE", "session"),
        ]


class _Line(Struct, frozen=True):
    """What one tenant's account needs on every call."""

    tenant: str
    account: Account
    key: str
    headers: tuple[tuple[bytes, bytes], ...]
    partition: bytes
    rules: tuple[AnswerRules, ...]

    @classmethod
    def made(cls, tenant: str, account: Account, upstream: str) -> Self:
        key = account.api_key.reveal()
        headers = (
            (b"Authorization", b"Bearer " + key.encode("ascii")),
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", b"kapagate/" + __version__.encode()),
        )
        rules = (rules_against(key, f"upstream.{upstream}"),)
        return cls(tenant, account, key, headers, sha256(key.encode()).digest(), rules)


class McpAdapter:
    """The server's side of an exchange.

    A session belongs to the subject that opened it: its id leaves with a seal that only the gateway can make, and what
    comes back without the caller's own seal is unknown. So nothing has to be remembered.
    """

    def __init__(self, upstream: str, prefix: str, seals: Seals, batch: int) -> None:
        self._upstream = upstream
        self._target = (prefix or "/").encode("ascii")
        self._seals = seals
        self._batch = batch
        self._lines: dict[str, _Line] = {}

    async def outbound(self, exchange: Exchange) -> Outbound:
        line, method = self._line(exchange), exchange.request.method
        if exchange.params.get("tenant", line.tenant) != line.tenant:
            raise _no_server()
        if method not in METHODS:
            raise Problem(problems.METHOD_NOT_ALLOWED, f"this address takes {', '.join(METHODS)}", allow=METHODS)
        exchange.upstream_rules = line.rules
        body = b""
        if method == "POST":
            document = await exchange.document()
            edit, messages = exchange.edit, messages_of(document)
            if len(messages) > 1 and len(request_ids(document)) > self._batch:
                raise Problem(problems.MALFORMED_BODY, f"a batch has at most {self._batch} request(s) here")
            said = [said_for(each, line.account, edit.pseudonym, edit.email) for each in messages]
            body = orjson.dumps(said if isinstance(document, list) else said[0])
        return Outbound(
            method.encode("ascii"), self._target, self._sent(exchange, line), body, partition=line.partition
        )

    def inbound(self, exchange: Exchange, head: Inbound, inspected: bool) -> Codec | None:
        if head.status >= 300:
            if refusal := refusal_by_server(head):
                raise refusal
            return ErrorCodec(head.status, self._line(exchange).key)
        if head.status == 204 or head.length == 0:
            return None
        if head.status == 202:
            return Nothing()
        if not unreadable(head, EVENTS):
            return McpEvents(request_ids(exchange.edit.document))
        if unread := unreadable(head, OBJECTS):
            raise Problem(problems.UPSTREAM_UNINSPECTABLE, f"Kapa's answer is {unread}, so it cannot be guarded")
        return McpBody()

    def headers(self, exchange: Exchange, head: Inbound, inspected: bool) -> list[tuple[bytes, bytes]]:
        response = exchange.response
        if response is not None and isinstance(response.codec, McpEvents):
            told = list(AS_EVENTS)
        elif response is not None and response.codec is not None:
            told = written_again(head)
        else:
            told = as_it_came(head)
        if (session := head.headers.get(b"mcp-session-id")) is not None:
            told.append((b"Mcp-Session-Id", self._sealed(exchange, session)))
        return told

    def holds(self, exchange: Exchange) -> bool:
        """Never: a message is whole, and a stream of them has no end to wait for."""
        return False

    def _sent(self, exchange: Exchange, line: _Line) -> list[tuple[bytes, bytes]]:
        request = exchange.request
        headers = sent_with(exchange, line.headers)
        if request.method == "POST":
            headers.append((b"Content-Type", b"application/json"))
        accept = request.headers.get(b"accept")
        if accept is None or not _ACCEPT.fullmatch(accept):
            accept = _ACCEPTED.get(request.method, b"*/*")
        headers.append((b"Accept", accept))
        version = request.headers.get(b"mcp-protocol-version")
        if version is not None and _VERSION.fullmatch(version):
            headers.append((b"Mcp-Protocol-Version", version))
        if (session := request.headers.get(b"mcp-session-id")) is not None:
            headers.append((b"Mcp-Session-Id", self._opened(exchange, session)))
            event = request.headers.get(b"last-event-id")
            if event is not None and _EVENT.fullmatch(event):  # events are told apart within a session alone
                headers.append((b"Last-Event-ID", event))
        return headers

    def _sealed(self, exchange: Exchange, session: bytes) -> bytes:
        sealed = self._seals.sealed(exchange.get(PRINCIPAL) or NOBODY, session)
        if sealed is None:
            raise Problem(problems.UPSTREAM_MALFORMED, "the MCP server has opened a session with an id that is none")
        return sealed

    def _opened(self, exchange: Exchange, sealed: bytes) -> bytes:
        """The session's id at the server. Raises Problem `not-found`, from which clients know to begin a new one."""
        session = self._seals.opened(exchange.get(PRINCIPAL) or NOBODY, sealed)
        if session is None:
            raise Problem(problems.NOT_FOUND, "there is no such session")
        return session

    def _line(self, exchange: Exchange) -> _Line:
        tenant = exchange.get(TENANT)
        account = tenant.accounts.get(self._upstream) if tenant is not None else None
        if tenant is None or account is None:
            raise _no_server()
        line = self._lines.get(tenant.name)
        if line is None or line.account is not account:
            line = self._lines[tenant.name] = _Line.made(tenant.name, account, self._upstream)
        return line


def _no_server() -> Problem:
    """Foreign and unknown are the same."""
    return Problem(problems.NOT_FOUND, "this tenant has no MCP server here")
