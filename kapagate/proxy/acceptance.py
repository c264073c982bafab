"""Which requests are let in: method, version, target, framing, expectations. Verdicts on one head, without a socket."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address

from aiohttp import hdrs
from aiohttp.http_exceptions import BadHttpMethod, HttpProcessingError, LineTooLong
from aiohttp.http_parser import RawRequestMessage
from aiohttp.http_writer import HttpVersion10, HttpVersion11
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from kapagate.access.hosts import Hosts
from kapagate.chain import problems
from kapagate.chain.headers import Headers, RawHeaders
from kapagate.chain.problem import Problem
from kapagate.proxy.framing import check_request
from kapagate.proxy.hop_by_hop import nominated

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NEVER = frozenset({"CONNECT", "TRACE"})
LONGEST_HOST = 261
_HIGHEST_PORT = 0xFFFF
_HOST = re.compile(r"(?:[A-Za-z0-9._~-]+|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{0,5}))?", re.ASCII)


def check(message: RawRequestMessage, fields: int) -> None:
    """Raises Problem unless we serve such a request. `fields` is how many header fields it may have."""
    if message.method not in METHODS:
        raise _method_refused(message.method)
    http10 = message.version != HttpVersion11
    if http10 and message.version != HttpVersion10:
        raise Problem(problems.MALFORMED_REQUEST, "speak HTTP/1.1")
    host = message.headers.get(hdrs.HOST, "-")
    if len(host) > LONGEST_HOST or not _is_host(host):
        raise Problem(problems.MALFORMED_REQUEST, "the Host field names no host")
    if len(message.raw_headers) > fields:
        raise Problem(problems.HEAD_TOO_LARGE, f"a request may have at most {fields} header fields")
    if message.chunked or hdrs.TRANSFER_ENCODING in message.headers:
        check_request(message.raw_headers, http10)
    if message.upgrade and "websocket" in ",".join(message.headers.getall(hdrs.UPGRADE, ())).lower():
        raise Problem(problems.NOT_IMPLEMENTED, "WebSocket is not supported")
    if hdrs.EXPECT in message.headers and ",".join(message.headers.getall(hdrs.EXPECT)).lower() != "100-continue":
        raise Problem(problems.EXPECTATION_FAILED, "only 100-continue can be expected")


def check_door(message: RawRequestMessage, hosts: Hosts | None, resets: bool) -> None:
    """Raises Problem unless the request may come in at this door (`Terms`). HTTP/1.0 may come without a Host."""
    if hosts is not None and (named := message.headers.get(hdrs.HOST)) is not None and not hosts.admit(named):
        raise Problem(problems.MISDIRECTED, "this gateway may not be called by that name")
    if not resets and message.version == HttpVersion10:
        raise Problem(
            problems.MALFORMED_REQUEST, "speak HTTP/1.1: here an HTTP/1.0 answer that broke off would look whole"
        )


def expects_continue(message: RawRequestMessage) -> bool:
    """Whether the client waits for a 100 before it sends its body; HTTP/1.0 cannot (RFC 9110, 10.1.1)."""
    return hdrs.EXPECT in message.headers and message.version == HttpVersion11


def body_length(message: RawRequestMessage, reader: StreamReader) -> int | None:
    """The body's bytes, None when it is chunked."""
    if message.chunked:
        return None
    return 0 if reader is EMPTY_PAYLOAD else int(message.headers[hdrs.CONTENT_LENGTH])


def target_of(message: RawRequestMessage) -> bytes:
    """The request target in origin form, or `*` (RFC 9112, 3.2). Raises Problem."""
    path = message.path
    if path[0] != "/" and not (path == "*" and message.method == "OPTIONS"):
        path = _origin_form(path, message.headers.get(hdrs.HOST))
    return path.encode("utf-8", "surrogateescape")


def headers_of(message: RawRequestMessage) -> Headers:
    """The fields without those that `Connection` keeps for us; other hop-by-hop fields are dropped where we send."""
    raw: RawHeaders = message.raw_headers
    if hdrs.CONNECTION in message.headers and (names := nominated(raw)):
        raw = [field for field in raw if field[0].lower() not in names]
    return Headers(raw)


def refusal_of(cause: HttpProcessingError, opening: int) -> Problem:
    """What the parser refused, in our own words. `opening` is the first byte of the message."""
    if isinstance(cause, LineTooLong):
        return Problem(problems.URI_TOO_LONG, "the request target is too long")
    if isinstance(cause, BadHttpMethod) and 0x41 <= opening <= 0x5A:
        return Problem(problems.NOT_IMPLEMENTED, "the method is not known here")
    return Problem(problems.MALFORMED_REQUEST, "this is no well-formed HTTP/1.1 request")


@lru_cache(maxsize=1024)
def _is_host(named: str) -> bool:
    """Whether a Host field is well formed (RFC 9110, 7.2): a name or an address, and perhaps a port."""
    found = _HOST.fullmatch(named)
    if found is None or int(found[2] or 0) > _HIGHEST_PORT:
        return False
    try:
        return found[1] is None or bool(IPv6Address(found[1]))
    except ValueError:
        return False


def _method_refused(method: str) -> Problem:
    if method in NEVER:
        return Problem(problems.METHOD_NOT_ALLOWED, f"{method} is never allowed here")
    return Problem(problems.NOT_IMPLEMENTED, "the method is not known here")


def _origin_form(target: str, host: str | None) -> str:
    """Of `http://host/path?query`, when its authority is the Host field's: the rest."""
    scheme, separator, rest = target.partition("://")
    cut = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    authority = rest[:cut]
    if not separator or scheme.lower() not in ("http", "https") or authority.lower() != (host or "").lower():
        raise Problem(
            problems.MALFORMED_REQUEST, "the request target is no path, and its authority is not the Host field's"
        )
    return rest[cut:] if rest[cut : cut + 1] == "/" else "/" + rest[cut:]
