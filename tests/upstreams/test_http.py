from __future__ import annotations

from typing import Any

import orjson
import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from kapagate.answer.events import Other, Text
from kapagate.answer.fields import FieldsCodec
from kapagate.answer.sse import SseCodec
from kapagate.chain.exchange import Exchange
from kapagate.chain.hop import Inbound, Outbound
from kapagate.chain.problem import Problem
from kapagate.chain.request import Kept
from kapagate.chain.response import Response
from kapagate.chain.route import Route
from kapagate.chain.secret import Composed, Resolved
from kapagate.chain.services import Services
from kapagate.chain.upstream import Compiled
from kapagate.upstreams.http import Http, Passing
from tests.upstreams.asking import answers, asks

TOKEN = "-".join(["crm", "token"])
CRM = Route("crm", frozenset({"GET", "POST", "HEAD"}), "/crm/{rest:*}", "route.crm", "crm")
GUARDED = replace(CRM, answer_texts=(("items[].body", "passage"),), shows=frozenset({"answer text"}))
JSON = (b"Content-Type", b"application/json")


def compiled(**more: Any) -> Compiled:
    return Http.model_validate({"url": "http://127.0.0.1:9000", **more}).compile("crm", Services({}))


PLAIN = compiled()


def call(body: Any = None, route: Route = CRM, **more: Any) -> Exchange:
    return asks(route, body, **{"method": "GET", "path": "/crm/a%20b", **more})


async def sent(ex: Exchange, upstream: Compiled = PLAIN) -> Outbound:
    return await upstream.adapter.outbound(ex)


async def sent_headers(*headers: tuple[bytes, bytes], upstream: Compiled = PLAIN, **more: Any) -> dict[bytes, bytes]:
    outbound = await sent(call(headers=headers, **more), upstream)
    found = {name.lower(): value for name, value in outbound.headers}
    assert len(found) == len(outbound.headers)
    return found


OURS = {b"x-forwarded-for": b"192.0.2.1", b"x-forwarded-proto": b"http", b"x-correlation-id": b"corr-1"}


async def test_path_and_query_leave_as_they_were_matched() -> None:
    assert (await sent(call(query="a=%20&b"))).target == b"/crm/a%20b?a=%20&b"
    assert (await sent(call(), compiled(url="http://127.0.0.1/base/"))).target == b"/base/crm/a%20b"
    assert (await sent(call(method="HEAD"))).method == b"HEAD"


async def test_only_what_the_route_declares_idempotent_may_be_sent_again() -> None:
    assert not (await sent(call())).idempotent
    declared = call(route=replace(CRM, idempotent=True))
    assert (await sent(declared)).idempotent
    assert not (await sent(declared, compiled(retries="off"))).idempotent


async def test_the_clients_ordinary_headers_go_on_in_order() -> None:
    pairs = [(b"Accept", b"*/*"), (b"X-Thing", b"1"), (b"x-thing", b"2"), (b"Range", b"bytes=0-1")]
    outbound = await sent(call(headers=pairs))
    assert outbound.headers[:4] == pairs
    assert {name.lower(): value for name, value in outbound.headers[4:]} == OURS


@pytest.mark.parametrize(
    "name",
    [
        *(b"Authorization", b"Proxy-Authorization", b"Cookie", b"X-API-KEY", b"X_Api_Key"),
        *(b"Connection", b"Keep-Alive", b"Proxy-Connection", b"TE", b"Trailer", b"Transfer-Encoding", b"Upgrade"),
        *(b"Content-Length", b"Host", b"Expect", b"HTTP2-Settings"),
        *(
            b"Forwarded",
            b"X-Forwarded-Host",
            b"X_Forwarded_User",
            b"X-Real-IP",
            b"X-Kapagate-Tenant",
            b"x_kapagate_role",
            b"True-Client-IP",
            b"CF-Connecting-IP",
        ),
        *(b"X-Original-URL", b"x_rewrite_url", b"X-HTTP-Method-Override", b"X_HTTP_METHOD", b"Proxy", b"proxy"),
    ],
)
async def test_credentials_framing_and_what_the_gateway_says_itself_do_not_go_on(name: bytes) -> None:
    assert await sent_headers((name, b"x")) == OURS


async def test_what_the_client_says_under_our_names_is_replaced() -> None:
    headers = [(name.title(), b"forged") for name in OURS]
    assert await sent_headers(*headers) == OURS


@pytest.mark.parametrize("name", [b"X-Subject", b"x_subject", b"X_SUBJECT"])
async def test_strips_asserted_headers_sent_by_the_client(name: bytes) -> None:
    assert await sent_headers((name, b"ann"), asserts=[b"x-subject"]) == OURS


async def test_headers_that_connection_names_do_not_go_on_but_ours_do() -> None:
    named = (b"Connection", b"close, X-Thing ,x-forwarded-for, x-correlation-id")
    assert await sent_headers(named, (b"x-thing", b"1")) == OURS


async def test_the_policys_headers_replace_the_clients_and_removed_ones_go() -> None:
    upstream = compiled(
        set_headers={"X-Token": Resolved(TOKEN, "${env:T}"), "X-Env": "live"}, remove_headers=["User-Agent"]
    )
    sent_on = await sent_headers((b"X_Token", b"forged"), (b"User-Agent", b"curl"), upstream=upstream)
    assert sent_on == {**OURS, b"x-token": TOKEN.encode(), b"x-env": b"live"}


async def test_what_steps_set_wins_over_client_and_policy() -> None:
    ex = call(headers=[(b"X-Role", b"admin"), (b"X-Env", b"y")])
    ex.edit = ex.edit.with_headers({b"x-role": b"viewer", b"x-env": b"test"})
    outbound = await sent(ex, compiled(set_headers={"x-env": "live"}))
    assert dict(outbound.headers) == {
        b"x-role": b"viewer",
        b"x-env": b"test",
        b"X-Forwarded-For": b"192.0.2.1",
        b"X-Forwarded-Proto": b"http",
        b"X-Correlation-ID": b"corr-1",
    }


@pytest.mark.parametrize(
    ("value", "header"),
    [
        ("acme", b"acme"),
        ("a b;c", b"a b;c"),
        ("Müller", b"M%C3%BCller"),
        ("100%", b"100%25"),
        ("a\r\nX-Evil: 1", b"a%0D%0AX-Evil: 1"),
        (" x ", b"x"),
    ],
)
async def test_context_becomes_headers_that_cannot_break_out(value: str, header: bytes) -> None:
    ex = call(headers=[(b"X-Kapagate-Tenant-Id", b"forged")])
    ex.edit = ex.edit.with_context({"tenant_id": value})
    found = [pair for pair in (await sent(ex)).headers if pair[0].lower() == b"x-kapagate-tenant-id"]
    assert found == [(b"X-Kapagate-Tenant-Id", header)]


async def test_guarded_answers_are_asked_for_whole_and_in_plain() -> None:
    asked = ((b"Accept-Encoding", b"gzip"), (b"Range", b"bytes=0-1"), (b"If-Range", b'"x"'))
    assert await sent_headers(*asked, inspects=True) == {**OURS, b"accept-encoding": b"identity"}


async def test_a_client_behind_tls_is_told_and_one_without_address_is_not() -> None:
    ex = call(client="")
    ex.request.secure = True
    assert dict((await sent(ex)).headers) == {b"X-Forwarded-Proto": b"https", b"X-Correlation-ID": b"corr-1"}


async def test_an_unread_body_streams_with_its_length() -> None:
    ex = call(b"bytes", method="POST")
    outbound = await sent(ex)
    assert not isinstance(outbound.body, bytes)
    assert [piece async for piece in outbound.body] == [b"bytes"]
    assert outbound.length == 5


async def test_an_unread_body_that_is_here_leaves_with_the_head() -> None:
    ex = call(b"", method="POST")
    ex.request.body = Kept(b"bytes")
    outbound = await sent(ex)
    assert (outbound.body, outbound.length) == (b"bytes", 5)


async def test_no_body_is_no_body() -> None:
    outbound = await sent(call())
    assert (outbound.body, outbound.length) == (b"", None)


async def test_a_body_that_was_read_leaves_as_it_was_understood() -> None:
    ex = call(b'{ "text" : "a@b.example" }', method="POST", headers=[JSON, (b"Content-Digest", b"x")])
    await ex.document()
    ex.edit = ex.edit.with_document({"text": "<email>"})
    outbound = await sent(ex)
    assert outbound.body == b'{"text":"<email>"}'
    assert JSON in outbound.headers
    assert b"Content-Digest" not in dict(outbound.headers)


# Answers


def test_declared_texts_are_read_where_a_guard_looks() -> None:
    codec = PLAIN.adapter.inbound(
        call(route=GUARDED), answers(200, (b"Content-Type", b"Application/HAL+json;x=y")), True
    )
    assert isinstance(codec, FieldsCodec)
    list(codec.decode(orjson.dumps({"items": [{"body": "x", "id": "y"}]})))
    (event,) = codec.end()
    assert isinstance(event, Other)
    assert [(place.path, place.kind) for place in event.places] == [(("items", 0, "body"), "passage")]


@pytest.mark.parametrize(
    ("ex", "head", "inspected"),
    [
        (call(route=GUARDED), answers(200, JSON), False),
        (call(), answers(200, JSON), True),
        (call(route=GUARDED), answers(204, body=b""), True),
        (call(route=GUARDED), answers(304, body=b""), True),
        (call(route=GUARDED), answers(200, body=b""), True),
    ],
)
def test_what_nobody_reads_or_what_is_empty_passes(ex: Exchange, head: Inbound, inspected: bool) -> None:
    assert PLAIN.adapter.inbound(ex, head, inspected) is None


UNREADABLE = [
    (answers(206, JSON), "partial"),
    (answers(200, JSON, (b"Content-Encoding", b"br")), "coded"),
    (answers(200, JSON, (b"Content-Encoding", b"identity"), (b"Content-Encoding", b"br")), "coded"),
    (answers(200, (b"Content-Type", b"application/json; charset=utf-7")), "in another charset"),
    (answers(200, (b"Content-Type", b"application/json;a=b; Charset = 'UTF-16'")), "in another charset"),
    (answers(200, JSON, (b"Content-Type", b"text/html")), "of more than one type"),
    (answers(200, (b"Content-Type", b"text/html")), "not JSON"),
    (answers(200), "not JSON"),
    (answers(500, (b"Content-Type", b"text/html")), "not JSON"),
]


@pytest.mark.parametrize(("head", "reason"), UNREADABLE)
@pytest.mark.parametrize("choice", ["error", "refuse"])
def test_what_no_guard_can_read_is_refused(head: Inbound, reason: str, choice: Any) -> None:
    with pytest.raises(Problem, match=reason) as refused:
        PLAIN.adapter.inbound(call(route=replace(GUARDED, on_uninspectable=choice)), head, True)
    assert refused.value.kind.name == "upstream-uninspectable"


@pytest.mark.parametrize("head", [head for head, _ in UNREADABLE])
def test_or_passes_where_the_route_says_so(head: Inbound) -> None:
    assert PLAIN.adapter.inbound(call(route=replace(GUARDED, on_uninspectable="pass")), head, True) is None


def test_a_rewritten_answer_loses_what_described_its_bytes() -> None:
    kept = [(b"Set-Cookie", b"a=b"), JSON, (b"Location", b"/crm/c")]
    gone = [(b"ETag", b"x"), (b"Digest", b"x"), (b"Content-Digest", b"x"), (b"Accept-Ranges", b"bytes")]
    always_gone = [(b"Content-Length", b"2"), (b"X-Correlation-ID", b"theirs")]
    ex, head = call(route=GUARDED), answers(200, *kept, *gone, *always_gone)
    ex.response = Response(200, codec=PLAIN.adapter.inbound(ex, head, True))
    assert PLAIN.adapter.headers(ex, head, True) == kept
    ex.response = Response(200)
    assert PLAIN.adapter.headers(ex, head, False) == [*kept, *gone]


def test_head_tells_what_a_guarded_answer_would() -> None:
    etag, ex = (b"ETag", b"x"), call(route=GUARDED, method="HEAD")
    ex.response = Response(200)
    assert PLAIN.adapter.inbound(ex, answers(200, JSON), True) is not None
    assert PLAIN.adapter.headers(ex, answers(200, JSON, etag), True) == [JSON]
    assert PLAIN.adapter.headers(ex, answers(200, JSON, etag), False) == [JSON, etag]


def test_streams_are_held_where_the_upstream_says_so() -> None:
    assert not PLAIN.adapter.holds(call())
    assert compiled(stream="buffer").adapter.holds(call())


EVENTS = (b"Content-Type", b"Text/Event-Stream; charset=utf-8")


def test_event_streams_are_read_where_the_route_says_how() -> None:
    told = replace(GUARDED, running_texts=("choices[].delta.content",))
    for route in (told, replace(GUARDED, running_texts=()), replace(told, answer_texts=())):
        assert isinstance(PLAIN.adapter.inbound(call(route=route), answers(200, EVENTS), True), SseCodec)
        assert isinstance(PLAIN.adapter.inbound(call(route=route), answers(200, JSON), True), FieldsCodec)
    with pytest.raises(Problem, match="running_text"):
        PLAIN.adapter.inbound(call(route=GUARDED), answers(200, EVENTS), True)


def test_the_running_text_is_one_text_in_json_and_plain_data_is_of_streams_alone() -> None:
    route = replace(GUARDED, running_texts=(".", "answer"))
    codec = PLAIN.adapter.inbound(call(route=route), answers(200, JSON), True)
    assert codec is not None
    list(codec.decode(b'{"answer":"Hi"}'))
    assert next(iter(codec.end())) == Text("Hi")
    codec = PLAIN.adapter.inbound(call(route=route), answers(200, EVENTS), True)
    assert codec is not None
    assert Text("{}") in codec.decode(b"data: {}\n\n")


@pytest.mark.parametrize("inspected", [True, False])
def test_no_proxy_on_the_way_buffers_an_event_stream(inspected: bool) -> None:
    ex, head = call(), answers(200, EVENTS, (b"x-accel-buffering", b"yes"), (b"X-Thing", b"1"))
    ex.response = Response(200)
    told = PLAIN.adapter.headers(ex, head, inspected)
    assert told == [EVENTS, (b"X-Thing", b"1"), (b"X-Accel-Buffering", b"no")]


# Declaration


@pytest.mark.parametrize(
    "more",
    [
        {"set_headers": {"Host": "x"}},
        {"set_headers": {"Content-Length": "1"}},
        {"set_headers": {"X Thing": "1"}},
        {"set_headers": {"X-Thing": "a\nb"}},
        {"set_headers": {"X-Thing": " a"}},
        {"set_headers": {"X-Thing": "ä"}},
        {"set_headers": {"X-Thing": 1}},
        {"remove_headers": ["Connection"]},
        {"remove_headers": ["a:b"]},
        {"project": "x"},
        {"retries": 3},
    ],
)
def test_headers_that_the_gateway_cannot_set_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        compiled(**more)


def test_a_secret_header_is_shown_by_its_reference_alone() -> None:
    http = Http.model_validate(
        {
            "url": "https://crm.example",
            "set_headers": {
                "X-Token": Resolved(TOKEN, "${env:T}"),
                "Authorization": Composed(f"Bearer {TOKEN}", "Bearer ${env:T}"),
                "X-Env": "live",
            },
        }
    )
    assert TOKEN not in repr(http) + http.model_dump_json()
    shown = {"x-token": "${env:T}", "authorization": "Bearer ${env:T}", "x-env": "live"}
    assert http.model_dump()["set_headers"] == shown
    assert http.set_headers["authorization"].reveal() == f"Bearer {TOKEN}"


def test_it_brings_no_routes_along() -> None:
    assert PLAIN.routes == ()
    assert (PLAIN.endpoint.name, PLAIN.endpoint.port, PLAIN.endpoint.tls) == ("crm", 9000, False)


def test_remembers_how_names_were_spelt_up_to_a_bound() -> None:
    passing = Passing(frozenset({b"x-secret"}))
    assert not passing[b"X_Secret"]
    assert all(passing[b"X-%d" % number] for number in range(2 * Passing.BOUND))
    assert len(passing) == Passing.BOUND
    assert not passing[b"x-SECRET"]
