"""Any other HTTP backend. Bodies stream through untouched unless a step read them; credentials never go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from re import compile as pattern
from typing import Annotated, Any, Literal, NamedTuple

import orjson
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from kapagate.answer.codec import Codec
from kapagate.answer.events import TextKind
from kapagate.answer.fields import PLAIN, FieldPath, FieldsCodec, parse_field_path, parse_running_path
from kapagate.answer.sse import SseCodec
from kapagate.chain import problems
from kapagate.chain.edit import UNREAD
from kapagate.chain.endpoint import Reachable
from kapagate.chain.exchange import Exchange
from kapagate.chain.headers import field_value
from kapagate.chain.hop import Inbound, Outbound
from kapagate.chain.problem import Problem
from kapagate.chain.route import Route
from kapagate.chain.secret import Composed, Resolved, Secret
from kapagate.chain.services import Services
from kapagate.chain.upstream import Compiled

_FRAMING = frozenset(
    b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade http2-settings"
    b" content-length host expect".split()
)
_CREDENTIALS = frozenset(b"authorization proxy-authorization cookie x-api-key".split())
_FORWARDED = frozenset(
    b"forwarded x-correlation-id x-real-ip client-ip x-client-ip true-client-ip x-cluster-client-ip"
    b" cf-connecting-ip".split()
)
_OVERRIDES = frozenset(
    b"x-original-url x-original-uri x-rewrite-url x-http-method-override x-http-method x-method-override proxy".split()
)
"""With these some backends serve another path or method than was matched (CVE-2018-14773), or ask through a proxy of
the client's (CVE-2016-5385)."""
_FORWARDED_PREFIXES = (b"x-forwarded-", b"x-kapagate-")
_PARTIAL = frozenset(b"range if-range accept-encoding".split())
_DIGESTS = frozenset(b"digest content-digest repr-digest content-md5".split())
_DESCRIBES_BYTES = _DIGESTS | frozenset(b"etag accept-ranges content-range content-encoding".split())
_NOT_RELAYED = frozenset(b"content-length x-correlation-id".split())
_EVENTS = b"text/event-stream"
_UNBUFFERED = (b"X-Accel-Buffering", b"no")
_BUFFERING = frozenset({b"x-accel-buffering"})
_CHARSET = pattern(rb"""(?i);\s*charset\s*=\s*["']?([^\s"';]*)""")
_CHARSETS = frozenset((b"utf-8", b"utf8", b"us-ascii", b"ascii"))
_NAME = pattern(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = pattern(r"[!-~]([ -~]*[!-~])?|")


def _header_name(name: str) -> str:
    lowered = name.lower()
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no header name")
    if lowered.encode() in _FRAMING:
        raise ValueError(f"{name} belongs to the connection: the gateway writes it")
    return lowered


def _header_value(value: Any) -> Any:
    """A literal is shown as it is, what came out of references as the file says it."""
    if isinstance(value, Composed):
        return Secret(str(value), value.written)
    if isinstance(value, str) and not isinstance(value, Resolved):
        return Secret(value, value)
    return value


def _printable(value: Secret) -> Secret:
    if not _VALUE.fullmatch(value.reveal()):
        raise ValueError("a header's value has only printable ASCII characters and no blanks around it")
    return value


HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[
    Secret, BeforeValidator(_header_value), AfterValidator(_printable), WithJsonSchema({"type": "string"})
]


class Http(Reachable):
    """An HTTP backend of yours, for routes that name it."""

    type: Literal["http"] = Field(default="http", description="this type")
    set_headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict,
        description="fields set on every request in place of what the client sent under their names",
    )
    remove_headers: tuple[HeaderName, ...] = Field(
        default=(), description="fields of the client's request that do not go on"
    )
    stream: Literal["window", "buffer"] = Field(
        default="window",
        description="guarded event streams: `window`: text flows while it is safe; `buffer`: held to their end",
    )
    retries: Literal["off", "idempotent"] = Field(
        default="idempotent",
        description="`idempotent`: what a route declares to be idempotent may be sent once more when a kept connection "
        "ended without a byte of an answer; `off`: nothing is ever sent twice",
    )

    def compile(self, name: str, services: Services) -> Compiled:
        own = [(field.encode(), value.reveal().encode()) for field, value in self.set_headers.items()]
        removed = frozenset(each.encode().replace(b"_", b"-") for each in (*self.remove_headers, *self.set_headers))
        held, again = self.stream == "buffer", self.retries == "idempotent"
        return Compiled(self.endpoint(name), HttpAdapter(self.prefix, own, removed, held, again))


class _Reading(NamedTuple):
    """Where a route's answers have their texts."""

    fields: dict[FieldPath, TextKind]
    running: tuple[FieldPath, ...]
    events: bool

    @classmethod
    def of(cls, route: Route) -> _Reading:
        fields = {parse_field_path(text): kind for text, kind in route.answer_texts}
        running = tuple(map(parse_running_path, route.running_texts or ()))
        return cls(fields, running, route.running_texts is not None)

    def codec(self, media: bytes) -> Codec:
        if media == _EVENTS:
            return SseCodec(self.fields, self.running)
        return FieldsCodec(self.fields, [path for path in self.running if path != PLAIN])


class HttpAdapter:
    """The backend's side of an exchange. `own` are fields of the policy, `removed` names in lower case, '-' for '_'.

    `held`: guarded streams are held to their end. `again`: what a route declares to be idempotent may be sent again.
    """

    def __init__(
        self, prefix: str, own: Iterable[tuple[bytes, bytes]], removed: frozenset[bytes], held: bool, again: bool
    ) -> None:
        self._prefix = prefix
        self._held = held
        self._again = again
        self._own = tuple(own)
        self._removed = _FRAMING | _CREDENTIALS | _FORWARDED | _OVERRIDES | removed
        self._passing: dict[tuple[frozenset[bytes], bool], Passing] = {}
        self._readings: dict[Route, _Reading] = {}

    async def outbound(self, exchange: Exchange) -> Outbound:
        request, edit = exchange.request, exchange.edit
        target = self._prefix + request.path
        if request.query:
            target = f"{target}?{request.query}"
        outbound = Outbound(request.method.encode("ascii"), target.encode("ascii"), self._headers(exchange))
        outbound.idempotent = exchange.route.idempotent and self._again
        if edit.document is not UNREAD:
            outbound.body = orjson.dumps(edit.document)
        elif request.body.length != 0:
            here = request.body.at_hand()
            outbound.body, outbound.length = request.body.stream() if here is None else here, request.body.length
        return outbound

    def inbound(self, exchange: Exchange, head: Inbound, inspected: bool) -> Codec | None:
        route = exchange.route
        if not inspected or not _has_texts(route) or _is_empty(exchange, head):
            return None
        reading = self._readings.get(route)
        if reading is None:
            reading = self._readings[route] = _Reading.of(route)
        media = _media(head)
        if reason := _unreadable(head, media, reading.events):
            if route.on_uninspectable == "pass":
                return None
            raise Problem(problems.UPSTREAM_UNINSPECTABLE, f"the backend's answer is {reason}, so it cannot be guarded")
        return reading.codec(media)

    def headers(self, exchange: Exchange, head: Inbound, inspected: bool) -> list[tuple[bytes, bytes]]:
        response = exchange.response
        dropped = _NOT_RELAYED
        is_told = inspected and exchange.request.method == "HEAD" and _has_texts(exchange.route)
        if is_told or (response is not None and response.codec is not None):
            dropped = _NOT_RELAYED | _DESCRIBES_BYTES
        if _media(head) != _EVENTS:
            return [(name, value) for name, value in head.headers.raw if name.lower() not in dropped]
        kept = [(name, value) for name, value in head.headers.raw if name.lower() not in dropped | _BUFFERING]
        return [*kept, _UNBUFFERED]

    def holds(self, exchange: Exchange) -> bool:
        return self._held

    def _headers(self, exchange: Exchange) -> list[tuple[bytes, bytes]]:
        request, edit, inspects = exchange.request, exchange.edit, exchange.chain.inspects
        passing = self._passing_names(exchange.chain.asserts, inspects)
        headers = [field for field in request.headers.raw if passing[field[0]]]
        sent = request.headers.all(b"connection")
        if sent or edit.headers or edit.document is not UNREAD:
            dropped = _nominated(sent) | {name.replace(b"_", b"-") for name in edit.headers}
            dropped |= _DIGESTS if edit.document is not UNREAD else frozenset()
            headers = [field for field in headers if _alias(field[0]) not in dropped]
        if inspects:
            headers.append((b"Accept-Encoding", b"identity"))
        headers += [pair for pair in self._own if pair[0] not in edit.headers]
        headers += edit.headers.items()
        headers += _context(edit.context)
        if request.client:
            headers.append((b"X-Forwarded-For", request.client.encode("ascii")))
        headers.append((b"X-Forwarded-Proto", b"https" if request.secure else b"http"))
        if request.host:
            headers.append((b"X-Forwarded-Host", request.host.encode("ascii")))
        headers.append((b"X-Correlation-ID", exchange.correlation_id.encode("ascii")))
        return headers

    def _passing_names(self, asserts: frozenset[bytes], inspects: bool) -> Passing:
        """What the client may say here; made once per chain."""
        passing = self._passing.get((asserts, inspects))
        if passing is None:
            dropped = self._removed | {name.replace(b"_", b"-") for name in asserts}
            passing = self._passing[asserts, inspects] = Passing(dropped | _PARTIAL if inspects else dropped)
        return passing


class Passing(dict[bytes, bool]):
    """Whether a field of the client's goes on, by its name as it was spelt. Bounded, since clients choose the names."""

    BOUND = 1024

    def __init__(self, dropped: frozenset[bytes]) -> None:
        super().__init__()
        self._dropped = dropped

    def __missing__(self, name: bytes) -> bool:
        alias = _alias(name)
        passes = alias not in self._dropped and not alias.startswith(_FORWARDED_PREFIXES)
        if len(self) < self.BOUND:
            self[name] = passes
        return passes


def _alias(name: bytes) -> bytes:
    """What a name is to backends that take `_` for `-`."""
    return name.lower().replace(b"_", b"-")


def _nominated(connection: Iterable[bytes]) -> set[bytes]:
    """The fields that `Connection` declares to be hop-by-hop (RFC 9110, 7.6.1)."""
    return {name.strip().lower().replace(b"_", b"-") for value in connection for name in value.split(b",")}


def _context(context: Mapping[str, str]) -> Iterable[tuple[bytes, bytes]]:
    """`tenant_id` as `X-Kapagate-Tenant-Id`."""
    for name, value in context.items():
        yield b"X-Kapagate-" + name.replace("_", "-").title().encode("ascii"), field_value(value)


def _has_texts(route: Route) -> bool:
    return bool(route.answer_texts or route.running_texts)


def _is_empty(exchange: Exchange, head: Inbound) -> bool:
    """Whether there is nothing to read. What HEAD tells is told of a body that would be read."""
    return head.status in (204, 304) or (head.length == 0 and exchange.request.method != "HEAD")


def _media(head: Inbound) -> bytes:
    return (head.headers.get(b"content-type") or b"").partition(b";")[0].strip().lower()


def _unreadable(head: Inbound, media: bytes, events: bool) -> str:
    """Why no guard could read this body; empty when one can. `events`: the route says how events are read."""
    if head.status == 206:
        return "partial"
    if any(each not in (b"", b"identity") for each in head.headers.all(b"content-encoding")):
        return "coded"
    if len(said := head.headers.all(b"content-type")) > 1:
        return "of more than one type"
    if any(each.lower() not in _CHARSETS for value in said for each in _CHARSET.findall(value)):
        return "in another charset than UTF-8"
    if media == _EVENTS:
        return "" if events else "an event stream, and the route has no `running_text`"
    is_json = media == b"application/json" or (media.startswith(b"application/") and media.endswith(b"+json"))
    return "" if is_json else "not JSON"
