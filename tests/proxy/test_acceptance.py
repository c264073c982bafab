from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser

from kapagate.access.hosts import Hosts
from kapagate.chain.problem import Problem
from kapagate.proxy import acceptance


class Connection:
    connected = True

    def pause_reading(self) -> None: ...
    def resume_reading(self, resume_parser: bool = True) -> None: ...


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    opened = asyncio.new_event_loop()
    yield opened
    opened.close()


def parse(raw: bytes, loop: Any) -> Any:
    parser = HttpRequestParser(
        Connection(),  # type: ignore[arg-type]  # a double
        loop,
        1024,
        max_line_size=1024,
        max_headers=1000,
        max_field_size=1024,
        auto_decompress=False,
        max_msg_queue_size=1,
    )
    messages, _, _ = parser.feed_data(raw)
    return messages[0]


def request(start: bytes = b"GET / HTTP/1.1", *fields: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([start, b"Host: a", *fields, b"", body])


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (request(b"TRACE / HTTP/1.1"), "method-not-allowed"),
        (request(b"CONNECT a:1 HTTP/1.1"), "method-not-allowed"),
        (request(b"PROPFIND / HTTP/1.1"), "not-implemented"),
        (request(b"GET / HTTP/2.0"), "malformed-request"),
        (b"GET /\r\n\r\n", "malformed-request"),
        (request(b"GET / HTTP/1.1", *[b"a: b"] * 100), "head-too-large"),
        (request(b"POST / HTTP/1.1", b"Transfer-Encoding: gzip, chunked"), "not-implemented"),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "malformed-request"),
        (request(b"GET / HTTP/1.1", b"Connection: Upgrade", b"Upgrade: WebSocket"), "not-implemented"),
        (request(b"POST / HTTP/1.1", b"Expect: 200-ok"), "expectation-failed"),
        (request(b"POST / HTTP/1.1", b"Expect:"), "expectation-failed"),
        (request(b"POST / HTTP/1.1", b"Expect: 100-continue", b"Expect: 200-ok"), "expectation-failed"),
        (request(b"GET / HTTP/1.1", b"Connection: Upgrade", b"Upgrade: h2c", b"upgrade: WebSocket"), "not-implemented"),
        (b"GET / HTTP/1.1\r\nHost: [:::]\r\n\r\n", "malformed-request"),
        (b"GET / HTTP/1.1\r\nHost: [192.0.2.1]\r\n\r\n", "malformed-request"),
        (b"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "malformed-request"),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "malformed-request"),
        (b"GET / HTTP/1.1\r\nHost: \r\n\r\n", "malformed-request"),
        (b"GET / HTTP/1.1\r\nHost: " + b"a" * 262 + b"\r\n\r\n", "malformed-request"),
        (request(b"POST / HTTP/1.1", b"Transfer-Encoding:"), "malformed-request"),
    ],
)
def test_refuses_what_is_never_served(raw: bytes, name: str, loop: Any) -> None:
    message, _ = parse(raw, loop)
    with pytest.raises(Problem) as refused:
        acceptance.check(message, 100)
    assert refused.value.kind.name == name


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_lets_ordinary_requests_in(method: str, loop: Any) -> None:
    message, _ = parse(request(method.encode() + b" / HTTP/1.1", b"Connection: Upgrade", b"Upgrade: h2c"), loop)
    acceptance.check(message, 100)


@pytest.mark.parametrize("raw", [request(), request(b"GET / HTTP/1.0"), b"GET / HTTP/1.0\r\n\r\n"])
def test_a_door_without_names_lets_everybody_in(raw: bytes, loop: Any) -> None:
    acceptance.check_door(parse(raw, loop)[0], None, True)


@pytest.mark.parametrize("host", [b"localhost:8080", b"127.0.0.1", b"[::1]:8080", b"ask.example"])
def test_a_door_with_names_lets_those_in_who_call_it_by_one(host: bytes, loop: Any) -> None:
    message, _ = parse(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", loop)
    acceptance.check_door(message, Hosts(["ask.example"]), True)


@pytest.mark.parametrize("host", [b"evil.example", b"evil.example:8080", b"", b"a@localhost", b"192.0.2.1"])
def test_a_door_with_names_refuses_a_page_that_has_rebound_its_own(host: bytes, loop: Any) -> None:
    message, _ = parse(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", loop)
    with pytest.raises(Problem) as refused:
        acceptance.check_door(message, Hosts(["ask.example"]), True)
    assert refused.value.kind.name == "misdirected"


def test_a_door_that_cannot_reset_takes_no_client_that_needs_it(loop: Any) -> None:
    acceptance.check_door(parse(request(), loop)[0], None, False)
    with pytest.raises(Problem) as refused:
        acceptance.check_door(parse(request(b"GET / HTTP/1.0"), loop)[0], None, False)
    assert refused.value.kind.name == "malformed-request"


def test_knows_the_body_before_it_is_here(loop: Any) -> None:
    assert acceptance.body_length(*parse(request(), loop)) == 0
    assert acceptance.body_length(*parse(request(b"POST / HTTP/1.1", b"Content-Length: 0"), loop)) == 0
    assert acceptance.body_length(*parse(request(b"POST / HTTP/1.1", b"Content-Length: 70"), loop)) == 70
    assert acceptance.body_length(*parse(request(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked"), loop)) is None


@pytest.mark.parametrize(
    ("start", "target"),
    [
        (b"GET /a%20b?c=/d HTTP/1.1", b"/a%20b?c=/d"),
        (b"OPTIONS * HTTP/1.1", b"*"),
        (b"GET http://a/x?y HTTP/1.1", b"/x?y"),
        (b"GET HTTP://A/x HTTP/1.1", b"/x"),
        (b"GET http://a HTTP/1.1", b"/"),
        (b"GET http://a?q HTTP/1.1", b"/?q"),
    ],
)
def test_reads_the_target_in_origin_form(start: bytes, target: bytes, loop: Any) -> None:
    message, _ = parse(request(start), loop)
    assert acceptance.target_of(message) == target


@pytest.mark.parametrize(
    "start",
    [
        b"GET http://b/x HTTP/1.1",
        b"GET http://a@b/x HTTP/1.1",
        b"GET http://a:81/x HTTP/1.1",
        b"GET ftp://a/x HTTP/1.1",
    ],
)
def test_refuses_a_target_whose_authority_is_not_the_host(start: bytes, loop: Any) -> None:
    message, _ = parse(request(start), loop)
    with pytest.raises(Problem, match="malformed-request"):
        acceptance.target_of(message)


def test_what_connection_nominates_never_reaches_the_chain(loop: Any) -> None:
    message, _ = parse(request(b"GET / HTTP/1.1", b"X-User: root", b"connection: x-user", b"X-Kept: 1"), loop)
    headers = acceptance.headers_of(message)
    assert b"x-user" not in headers
    assert headers.get(b"x-kept") == b"1"


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"BREW / HTTP/1.1\r\n\r\n", "not-implemented"),
        (b"\x16\x03\x01\x02\x00", "malformed-request"),
        (b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\n\r\n", "uri-too-long"),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "malformed-request"),
        (b"GET / HTTP/1.1\nHost: a\n\n", "malformed-request"),
        (b"GET / HTTP/1.1\r\n\r\n", "malformed-request"),
    ],
)
def test_tells_in_our_own_words_what_the_parser_refused(raw: bytes, name: str, loop: Any) -> None:
    with pytest.raises(HttpProcessingError) as cause:
        parse(raw, loop)
    problem = acceptance.refusal_of(cause.value, raw[0])
    assert problem.kind.name == name
    assert raw.split(b" ")[0].decode("latin-1") not in problem.detail
