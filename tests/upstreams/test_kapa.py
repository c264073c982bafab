from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kapagate import __version__
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Invalid
from kapagate.chain.hop import Inbound
from kapagate.chain.options import Options
from kapagate.chain.principal import TENANT, Account, Tenant
from kapagate.chain.problem import Problem
from kapagate.chain.secret import Resolved, Secret
from kapagate.chain.upstream import Compiled
from kapagate.kapa.chat_json import ChatJsonCodec
from kapagate.kapa.errors import ErrorCodec
from kapagate.kapa.passages import PassagesCodec
from kapagate.kapa.records import RecordsCodec
from kapagate.upstreams.kapa import Kapa
from tests.upstreams.asking import PSEUDONYMS, SERVICES, answers, asks

KEY = "-".join(["kapa", "key", "of", "acme"])
OTHER_KEY = "-".join(["kapa", "key", "of", "umbra"])
PROJECT = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
GROUP = "aaaaaaaa-0000-4000-8000-000000000001"
THREAD = "bbbbbbbb-0000-4000-8000-000000000002"
JSON = (b"Content-Type", b"application/json")


def declared(**more: Any) -> Kapa:
    fields = {"url": "https://api.kapa.ai", "api_key": Resolved(KEY, "${env:KEY}"), **more}
    return Kapa.model_validate(fields)


def compiled(**more: Any) -> Compiled:
    return declared(**{"project": PROJECT, "source_groups": "all", **more}).compile("kapa", SERVICES)


KAPA = compiled()
ROUTES = {route.operation: route for route in KAPA.routes}


def account(**more: Any) -> Account:
    return Account(**{"project": PROJECT, "api_key": Secret(KEY), **more})


def call(operation: str, document: Any = None, own: Account | None = None, **more: Any) -> Exchange:
    ex = asks(ROUTES[operation], {"query": "how?"} if document is None else document, **more)
    ex.put(TENANT, Tenant("acme", accounts={"kapa": own or account()}))
    if "{project_id}" in ex.route.template and "params" not in more:
        ex.params = {"project_id": "default"}
    return ex


async def sent(ex: Exchange, upstream: Compiled = KAPA) -> tuple[bytes, dict[bytes, bytes], Any]:
    outbound = await upstream.adapter.outbound(ex)
    assert outbound.method == b"POST"
    assert isinstance(outbound.body, bytes)
    assert len(outbound.headers) == len(dict(outbound.headers))
    return outbound.target, dict(outbound.headers), orjson.loads(outbound.body)


# Declaration


def test_routes_cover_every_operation_and_carry_no_upstream() -> None:
    assert {route.name for route in KAPA.routes} >= {"kapa.chat", "kapa.feedback", "kapa.query"}
    assert all(route.upstream is None for route in KAPA.routes)


def test_the_account_is_made_of_the_declared_fields() -> None:
    kapa = declared(project=PROJECT, source_groups=[GROUP], integration_id=GROUP, stream="buffer")
    assert kapa.account() == Account(PROJECT, Secret(KEY), GROUP, (GROUP,), True)
    assert declared(project=PROJECT, source_groups="all").account() == account()


@pytest.mark.parametrize("left_out", ["project", "api_key"])
def test_project_and_key_may_be_left_to_the_tenants(left_out: str) -> None:
    kapa = declared(**{"project": PROJECT, "source_groups": "all", left_out: None})
    assert kapa.account() is None
    assert kapa.compile("kapa", SERVICES).endpoint.host == "api.kapa.ai"


def test_source_groups_are_never_silently_left_out() -> None:
    with pytest.raises(Invalid, match="source groups") as refused:
        declared(project=PROJECT).compile("kapa", SERVICES)
    assert refused.value.at == ("source_groups",)


def test_a_key_that_no_header_can_carry_is_refused_without_being_shown() -> None:
    with pytest.raises(Invalid) as refused:
        declared(api_key=Resolved(f"{KEY}\nx", "${env:KEY}")).compile("kapa", SERVICES)
    assert refused.value.at == ("api_key",)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    "more",
    [
        {"source_groups": []},
        {"source_groups": ["docs"]},
        {"source_groups": "some"},
        {"project": "docs"},
        {"api_key": KEY},
        {"stream": "flow"},
        {"retries": 3},
    ],
)
def test_other_declarations_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        declared(**more)
    assert "api_key" in more or KEY not in str(refused.value)


def test_the_key_shows_in_no_form_of_the_declaration() -> None:
    kapa = declared()
    assert KEY not in repr(kapa)
    assert KEY not in kapa.model_dump_json()


@pytest.mark.parametrize("stream", ["window", "buffer"])
def test_streams_are_held_where_the_account_says_so(stream: str) -> None:
    hides = {route.operation: route.hides for route in compiled(stream=stream).routes}
    assert bool(hides["chat_stream"]) == (stream == "window")
    assert KAPA.adapter.holds(call("chat_stream", own=account(buffered=True)))
    assert not KAPA.adapter.holds(call("chat_stream"))


# Outbound


async def test_a_chat_leaves_with_the_tenants_key_path_and_body() -> None:
    ex = call("chat", {"query": "how?", "user": {"email": "ann@d.example"}}, headers=[(b"X-API-KEY", b"client's")])
    ex.edit = ex.edit.with_pseudonym("5f2c").with_context({"tenant_id": "acme"})
    target, headers, body = await sent(ex)
    assert target == f"/query/v1/projects/{PROJECT}/chat/".encode()
    assert headers == {
        b"X-API-KEY": KEY.encode(),
        b"Accept": b"application/json",
        b"Accept-Encoding": b"identity",
        b"Content-Type": b"application/json",
        b"User-Agent": f"kapagate/{__version__}".encode(),
        b"X-Correlation-ID": b"corr-1",
    }
    assert body == {"query": "how?", "user": {"unique_client_id": "5f2c", "metadata": {"tenant_id": "acme"}}}


async def test_of_the_clients_headers_only_a_well_formed_traceparent_goes_on() -> None:
    trace = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
    hostile = [
        (b"Authorization", b"Bearer x"),
        (b"Cookie", b"a=b"),
        (b"X_API_KEY", b"x"),
        (b"Accept", b"text/event-stream"),
        (b"Content-Type", b"text/plain"),
        (b"X-Forwarded-For", b"10.0.0.1"),
        (b"tracestate", b"a=b"),
    ]
    _, headers, _ = await sent(call("chat", headers=[*hostile, (b"TraceParent", trace)]))
    _, without, _ = await sent(call("chat", headers=[*hostile, (b"traceparent", b"ann@d.example")]))
    assert headers.pop(b"traceparent") == trace
    assert headers == without
    assert headers[b"Accept"] == b"application/json"


async def test_steps_may_replace_the_traceparent_and_no_other_header() -> None:
    trace = b"00-" + b"c" * 32 + b"-" + b"d" * 16 + b"-00"
    ex = call("chat")
    ex.edit = ex.edit.with_headers({b"traceparent": trace, b"x-user": b"ann"})
    _, headers, _ = await sent(ex)
    assert headers[b"traceparent"] == trace
    assert b"x-user" not in headers


async def test_the_edited_question_leaves() -> None:
    ex = call("chat", {"query": "I am a@b.example"})
    ex.edit = ex.edit.with_document({"query": "I am <email>"})
    assert (await sent(ex))[2] == {"query": "I am <email>"}


@pytest.mark.parametrize(
    ("more", "path", "operation"),
    [
        ({}, f"/query/v1/projects/{PROJECT}/chat/", "chat"),
        ({"stream": True}, f"/query/v1/projects/{PROJECT}/chat/stream/", "chat_stream"),
        ({"thread_id": THREAD}, f"/query/v1/threads/{THREAD}/chat/", "thread_chat"),
        ({"thread_id": THREAD, "stream": True}, f"/query/v1/threads/{THREAD}/chat/stream/", "thread_chat_stream"),
    ],
)
async def test_a_query_becomes_one_of_the_chats(more: dict[str, Any], path: str, operation: str) -> None:
    ex = call("query", {"query": "how?", "integration_id": "web", **more}, account(integration_id=GROUP))
    target, _, body = await sent(ex)
    assert target == path.encode()
    assert ex.operation == operation
    assert body == {"query": "how?", "integration_id": GROUP}


async def test_feedback_carries_a_pseudonym_even_where_no_step_made_one() -> None:
    document = {"response_id": THREAD, "helpful": False, "comment": "wrong", "follow_up_count": 1}
    target, _, body = await sent(call("query_feedback", document))
    assert target == b"/query/v1/feedback/upsert/"
    assert body == {
        "question_answer": THREAD,
        "reaction": "downvote",
        "comment": {"issue": "wrong"},
        "user_identifier": PSEUDONYMS.of("acme", "alice"),
    }


async def test_each_tenant_is_served_on_its_own_account() -> None:
    adapter = compiled(url="https://proxy.example/kapa/").adapter
    other = Account(THREAD, Secret(OTHER_KEY), source_groups=(GROUP,))
    first = call("chat")
    second = call("chat")
    second.put(TENANT, Tenant("umbra", accounts={"kapa": other}))
    one, two = await adapter.outbound(first), await adapter.outbound(second)
    assert (dict(one.headers)[b"X-API-KEY"], dict(two.headers)[b"X-API-KEY"]) == (KEY.encode(), OTHER_KEY.encode())
    assert one.target == f"/kapa/query/v1/projects/{PROJECT}/chat/".encode()
    assert two.target == f"/kapa/query/v1/projects/{THREAD}/chat/".encode()
    assert one.partition != two.partition
    assert one.partition == (await adapter.outbound(call("chat"))).partition
    assert isinstance(two.body, bytes)
    assert orjson.loads(two.body)["source_group_ids_include"] == [GROUP]


async def test_a_tenant_without_an_account_has_no_project_here() -> None:
    ex = call("chat")
    ex.put(TENANT, Tenant("umbra"))
    with pytest.raises(Problem, match="no Kapa project here"):
        await KAPA.adapter.outbound(ex)


async def test_a_foreign_project_is_not_found() -> None:
    with pytest.raises(Problem) as refused:
        await KAPA.adapter.outbound(call("chat", params={"project_id": THREAD}))
    assert refused.value.kind.status == 404


async def test_a_body_that_is_not_json_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        await KAPA.adapter.outbound(call("chat", b"query=how"))
    assert refused.value.kind.name == "malformed-body"


PERSONAL = st.dictionaries(
    st.sampled_from(["email", "unique_client_id", "metadata", "fingerprint_id", "slack_id"]),
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3).map(lambda text: f"~{text}")
    | st.dictionaries(st.sampled_from(["first_name", "x"]), st.just("~ANN")),
)


@given(st.sampled_from(["chat", "chat_stream", "retrieval", "documents", "query"]), PERSONAL, st.text("~A", min_size=2))
async def test_no_byte_of_a_clients_user_leaves(operation: str, user: dict[str, Any], value: str) -> None:
    document = {"query": "how?", "user": user, "user_identifier": "~ANN", "metadata": {"name": "~ANN"}}
    outbound = await KAPA.adapter.outbound(call(operation, document, headers=[(b"X-User", value.encode())]))
    assert isinstance(outbound.body, bytes)
    assert b"~" not in outbound.body + outbound.target + b"".join(name + value for name, value in outbound.headers)


# Inbound


@pytest.mark.parametrize(
    ("operation", "codec"),
    [
        ("chat", ChatJsonCodec),
        ("thread_chat", ChatJsonCodec),
        ("chat_stream", RecordsCodec),
        ("thread_chat_stream", RecordsCodec),
        ("retrieval", PassagesCodec),
        ("documents", PassagesCodec),
    ],
)
def test_an_answer_is_read_by_its_operations_codec_whoever_guards_it(operation: str, codec: type) -> None:
    """Our own key is looked for in every answer, so even one that no step inspects is read where it can be."""
    ex = call(operation)
    assert isinstance(KAPA.adapter.inbound(ex, answers(200, JSON), True), codec)
    assert isinstance(KAPA.adapter.inbound(ex, answers(200, JSON), False), codec)
    assert KAPA.adapter.inbound(ex, answers(200, (b"Content-Type", b"text/html")), False) is None


async def test_a_query_is_read_by_the_codec_of_what_it_became() -> None:
    ex = call("query", {"query": "how?", "stream": True})
    await sent(ex)
    assert isinstance(KAPA.adapter.inbound(ex, answers(200, (b"Content-Type", b"text/plain")), True), RecordsCodec)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_the_gateways_fault_and_tells_nothing_of_the_answer(status: int) -> None:
    with pytest.raises(Problem) as refused:
        KAPA.adapter.inbound(call("chat"), answers(status, JSON, body=b'{"detail":"secret"}'), True)
    problem = refused.value
    assert (problem.kind.name, problem.kind.status) == ("upstream-credentials", 502)
    assert "secret" not in problem.detail
    assert KEY not in problem.detail


@pytest.mark.parametrize("status", [400, 404, 406, 413, 429, 500, 502, 503])
@pytest.mark.parametrize("inspected", [True, False])
def test_every_other_error_keeps_its_status_and_passes_the_codec_of_errors(status: int, inspected: bool) -> None:
    ex = call("feedback", {"question_answer": THREAD, "reaction": "upvote"})
    assert isinstance(KAPA.adapter.inbound(ex, answers(status, JSON), inspected), ErrorCodec)


@given(st.sampled_from([400, 404, 429, 500]), st.text(max_size=8), st.booleans())
def test_the_key_is_in_no_error_that_a_client_gets(status: int, around: str, inspected: bool) -> None:
    body = orjson.dumps({"detail": f"{around}{KEY}{around}"})
    head = answers(status, (b"X-Echo", KEY.encode()), (b"Retry-After", b"3"), JSON)
    codec = KAPA.adapter.inbound(call("chat"), head, inspected)
    assert codec is not None
    list(codec.decode(body))
    told = codec.finish(codec.end())
    headers = KAPA.adapter.headers(call("chat"), head, inspected)
    assert KEY.encode() not in told + b"".join(value for _, value in headers)
    assert "detail" in orjson.loads(told)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_neither_followed_nor_relayed(status: int) -> None:
    head = answers(status, (b"Location", b"https://elsewhere.example"))
    with pytest.raises(Problem) as refused:
        KAPA.adapter.inbound(call("chat"), head, False)
    assert refused.value.kind.name == "upstream-malformed"


@pytest.mark.parametrize(
    ("operation", "head"),
    [
        ("chat", answers(206, JSON)),
        ("chat", answers(200, JSON, (b"Content-Encoding", b"gzip"))),
        ("chat", answers(200, (b"Content-Type", b"text/html"))),
        ("chat", answers(200, (b"Content-Type", b"text/plain"))),
        ("chat_stream", answers(200, (b"Content-Type", b"text/event-stream"))),
        ("retrieval", answers(200)),
    ],
)
def test_what_no_guard_can_read_does_not_pass_a_guard(operation: str, head: Inbound) -> None:
    with pytest.raises(Problem) as refused:
        KAPA.adapter.inbound(call(operation), head, True)
    assert (refused.value.kind.name, refused.value.kind.status) == ("upstream-uninspectable", 502)
    assert KAPA.adapter.inbound(call(operation), head, False) is None


def test_an_answer_without_a_body_needs_no_codec() -> None:
    assert KAPA.adapter.inbound(call("chat"), answers(204, body=b""), True) is None


EVERY_HEADER = (
    (b"content-type", b"application/json; charset=utf-8"),
    (b"Content-Encoding", b"gzip"),
    (b"Cache-Control", b"no-store"),
    (b"Retry-After", b"7"),
    (b"Set-Cookie", b"a=b"),
    (b"Server", b"nginx"),
    (b"ETag", b'"x"'),
    (b"Digest", b"sha-256=x"),
    (b"Content-Length", b"2"),
    (b"Location", b"https://elsewhere.example"),
    (b"WWW-Authenticate", b"Bearer"),
    (b"Access-Control-Allow-Origin", b"*"),
    (b"X-Correlation-ID", b"theirs"),
)


@pytest.mark.parametrize(("status", "inspected"), [(200, True), (400, True), (400, False), (429, False)])
def test_of_a_rewritten_answers_headers_only_what_still_holds_passes(status: int, inspected: bool) -> None:
    headers = KAPA.adapter.headers(call("chat"), answers(status, *EVERY_HEADER), inspected)
    assert headers == [JSON, (b"Cache-Control", b"no-store"), (b"Retry-After", b"7")]


def test_an_answer_that_passes_as_it_is_keeps_its_description() -> None:
    assert KAPA.adapter.headers(call("feedback"), answers(200, *EVERY_HEADER), False) == list(EVERY_HEADER[:4])


async def test_what_kapa_says_to_a_feedback_never_names_our_key() -> None:
    ex = call("feedback")
    codec = KAPA.adapter.inbound(ex, answers(200, JSON), False)
    assert codec is not None
    list(codec.decode(orjson.dumps({"seen": KEY})))
    assert KEY.encode() not in codec.finish(codec.end())


async def test_no_step_of_a_policy_can_have_the_name_of_the_upstreams_own_rules() -> None:
    ex = call("chat", {"query": "hi"})
    await KAPA.adapter.outbound(ex)
    (rules,) = ex.upstream_rules
    assert (rules.step, rules.binding) == ("upstream.kapa", True)
    with pytest.raises(ValidationError):
        Options(id=rules.step)


def test_operations_with_ids_have_the_upstreams_own_step_and_no_others() -> None:
    own = {name for name, route in ROUTES.items() if route.innermost is not None}
    assert own >= {"chat", "chat_stream", "thread_chat", "thread_chat_stream", "feedback", "query", "query_feedback"}
    assert own >= {"thread", "threads", "top_question_clusters", "coverage_gap_clusters"}
    assert own.isdisjoint({"retrieval", "documents", "project", "sources", "agent_session", "activity"})


def test_a_thread_is_read_with_the_tenants_own_key_and_with_who_took_part() -> None:
    asked = KAPA.adapter.enquiry(call("thread_chat"), THREAD.upper())  # type: ignore[attr-defined]  # it is Kapa's
    assert (asked.method, asked.target) == (b"GET", f"/query/v1/threads/{THREAD}/?include=end_user".encode())
    assert dict(asked.headers)[b"X-API-KEY"] == KEY.encode()
    assert (asked.body, asked.idempotent) == (b"", True)


@pytest.mark.parametrize("more", [{"unknown_thread": "allow"}, {"keep_ids": "0s"}, {"keep_ids": 5}])
def test_what_is_not_remembered_is_asked_or_refused(more: dict[str, Any]) -> None:
    assert (declared().unknown_thread, declared().keep_ids) == ("ask_kapa", 90 * 86400)
    with pytest.raises(ValidationError):
        declared(**more)
