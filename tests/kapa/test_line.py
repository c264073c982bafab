from __future__ import annotations

import orjson
from msgspec.structs import replace

from kapagate import __version__
from kapagate.chain.principal import Account
from kapagate.chain.route import Route
from kapagate.chain.secret import Secret
from kapagate.kapa.line import Line
from kapagate.kapa.operations import OPERATIONS
from tests.upstreams.asking import asks

PROJECT = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
KEY = "-".join(["kapa", "key", "of", "acme"])
ACCOUNT = Account(PROJECT, Secret(KEY))
LINE = Line.made("acme", ACCOUNT, "kapa", "/eu")
ROUTE = Route("x", frozenset({"POST"}), "/x", "x", "x")
FIELDS = {
    b"X-API-KEY": KEY.encode(),
    b"Accept": b"application/json",
    b"Accept-Encoding": b"identity",
    b"User-Agent": f"kapagate/{__version__}".encode(),
    b"X-Correlation-ID": b"corr-1",
}
TRACE = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"


def test_what_is_posted_is_json_with_the_tenants_key() -> None:
    outbound = LINE.posts(asks(ROUTE), b"/x", {"query": "how?"})
    assert (outbound.method, outbound.target, outbound.idempotent) == (b"POST", b"/x", False)
    assert isinstance(outbound.body, bytes)
    assert orjson.loads(outbound.body) == {"query": "how?"}
    assert dict(outbound.headers) == {**FIELDS, b"Content-Type": b"application/json"}


def test_what_is_read_has_a_query_and_no_body_and_may_be_sent_again() -> None:
    outbound = LINE.reads(asks(ROUTE), b"/x", {"cursor": "a+=", "search": "é"}, b"GET")
    assert (outbound.method, outbound.target, outbound.body) == (b"GET", b"/x?cursor=a%2B%3D&search=%C3%A9", b"")
    assert dict(outbound.headers) == FIELDS
    assert outbound.idempotent
    assert LINE.reads(asks(ROUTE), b"/x", {}, b"HEAD").target == b"/x"


def test_a_trace_goes_on_and_a_step_may_set_it() -> None:
    ex = asks(ROUTE, headers=[(b"traceparent", TRACE)])
    assert dict(LINE.posts(ex, b"/x", {}).headers)[b"traceparent"] == TRACE
    ex.edit = ex.edit.with_headers({b"traceparent": TRACE.replace(b"a", b"c")})
    assert dict(LINE.posts(ex, b"/x", {}).headers)[b"traceparent"] == TRACE.replace(b"a", b"c")
    assert b"traceparent" not in dict(LINE.posts(asks(ROUTE, headers=[(b"traceparent", b"x")]), b"/x", {}).headers)


def test_a_line_has_the_accounts_addresses_and_a_partition_of_its_own() -> None:
    target = LINE.targets.of(OPERATIONS["chat"], {"project_id": "default"})
    assert target == f"/eu/query/v1/projects/{PROJECT}/chat/".encode()
    other = Line.made("umbra", replace(ACCOUNT, api_key=Secret(KEY + "x")), "kapa", "")
    assert other.partition != LINE.partition == Line.made("globex", ACCOUNT, "kapa", "").partition
    assert [rules.step for rules in LINE.rules] == ["upstream.kapa"]
