"""What is read of Kapa, where it is addressed, what is forced, and where its links lead."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kapagate.chain.exchange import Exchange
from kapagate.chain.generation import Generation
from kapagate.chain.hop import Outbound
from kapagate.chain.principal import Account
from kapagate.chain.problem import Problem
from kapagate.chain.upstream import Upstream
from kapagate.kapa.listings import ListingCodec, PagedCodec
from kapagate.kapa.operation import Operation
from kapagate.kapa.operations import OPERATIONS
from kapagate.kapa.readings import READINGS
from tests.upstreams.asking import PSEUDONYMS, PUBLIC, answers
from tests.upstreams.test_kapa import (
    GROUP,
    JSON,
    KAPA,
    KEY,
    PROJECT,
    ROUTES,
    THREAD,
    account,
    call,
    compiled,
)

OTHER = "cccccccc-0000-4000-8000-000000000003"


def reading(operation: str, query: str = "", own: Account | None = None, **more: Any) -> Exchange:
    kapas = OPERATIONS[operation]
    params = {"project_id": "default"} if "{project_id}" in kapas.template else {}
    params |= {kapas.item: THREAD} if kapas.item else {}
    return call(operation, b"", own, method=more.pop("method", "GET"), query=query, params=params | more)


async def sent(ex: Exchange) -> tuple[str, dict[str, str]]:
    """Path and query that Kapa gets."""
    outbound = await KAPA.adapter.outbound(ex)
    path, _, query = outbound.target.decode().partition("?")
    return path, dict(parse_qsl(query, strict_parsing=bool(query)))


@pytest.mark.parametrize("operation", READINGS, ids=lambda each: each.name)
async def test_a_reading_leaves_without_a_body_on_the_tenants_account(operation: Operation) -> None:
    outbound: Outbound = await KAPA.adapter.outbound(reading(operation.name))
    path = operation.template.replace("{project_id}", PROJECT).replace(f"{{{operation.item}}}", THREAD)
    assert (outbound.method, outbound.target.decode(), outbound.body) == (b"GET", path, b"")
    headers = dict(outbound.headers)
    assert headers[b"X-API-KEY"] == KEY.encode()
    assert b"Content-Type" not in headers
    assert outbound.idempotent


async def test_head_stays_head() -> None:
    assert (await KAPA.adapter.outbound(reading("project", method="HEAD"))).method == b"HEAD"


async def test_cursors_and_filters_pass_and_everything_else_is_dropped() -> None:
    said = "cursor=cD0x%2B%3D&page_size=50&sort=asc&include=feedback,end_user&api_key=x&project=other&format=api"
    path, query = await sent(reading("threads", said))
    assert path.endswith(f"/{PROJECT}/threads/")
    assert query == {"cursor": "cD0x+=", "page_size": "50", "sort": "asc", "include": "feedback,end_user"}


async def test_an_empty_cursor_is_none() -> None:
    assert (await sent(reading("threads", "cursor=&sort=desc")))[1] == {"sort": "desc"}


@pytest.mark.parametrize(
    "query", ["cursor=a%20b", "sort=up", "page_size=5&page_size=6", "integration=me", "cursor=%FF"]
)
async def test_a_parameter_that_is_not_what_its_name_says_is_refused(query: str) -> None:
    with pytest.raises(Problem) as refused:
        await KAPA.adapter.outbound(reading("threads", query))
    assert refused.value.kind.name == "malformed-request"


async def test_what_a_step_changed_of_a_search_is_what_is_sought() -> None:
    ex = reading("end_users", "search=ann@d.example&page=2")
    assert await ex.document() == {"search": "ann@d.example", "page": "2"}
    ex.edit = ex.edit.with_document({"search": "<email>", "page": "2"})
    assert (await sent(ex))[1] == {"search": "<email>", "page": "2"}


@pytest.mark.parametrize(("operation", "name"), [("threads", "integration"), ("activity", "integration_filter")])
async def test_the_tenants_integration_is_forced_on_what_can_be_narrowed_to_it(operation: str, name: str) -> None:
    own = account(integration_id=GROUP)
    assert (await sent(reading(operation, "", own)))[1] == {name: GROUP}
    assert (await sent(reading(operation, f"{name}={GROUP.upper()}", own)))[1] == {name: GROUP}
    assert (await sent(reading(operation, f"{name}={OTHER}")))[1] == {name: OTHER}
    with pytest.raises(Problem) as refused:
        await KAPA.adapter.outbound(reading(operation, f"{name}={OTHER}", own))
    assert refused.value.kind.name == "forbidden"


async def test_sources_of_the_clients_choice_do_not_pass_beside_groups_that_are_forced() -> None:
    document = {"query": "how?", "source_ids_include": [OTHER]}
    free = await KAPA.adapter.outbound(call("chat", document))
    bound = await KAPA.adapter.outbound(call("chat", document, account(source_groups=(GROUP,))))
    assert isinstance(free.body, bytes)
    assert isinstance(bound.body, bytes)
    assert orjson.loads(free.body) == document
    assert orjson.loads(bound.body) == {"query": "how?", "source_group_ids_include": [GROUP]}


NAMES = ["cursor", "page_size", "search", "integration", "include", "api_key", "project", "format", "sort", "page"]
SAID = st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=5), st.text(max_size=12)), max_size=4)


@given(st.sampled_from(READINGS), SAID)
async def test_nothing_leaves_in_a_query_but_what_the_operation_lists_in_its_shape(
    operation: Operation, said: list[tuple[str, str]]
) -> None:
    ex = reading(operation.name, urlencode(said, errors="replace"))
    try:
        path, query = await sent(ex)
    except Problem:
        return
    assert path == (await sent(reading(operation.name)))[0]
    assert query.keys() <= operation.fields.keys() & dict(said).keys()
    assert all(operation.fields[name](value) == value for name, value in query.items())


@pytest.mark.parametrize("operation", ["chat", "feedback", "retrieval", "agent_session"])
async def test_what_has_a_body_has_no_query(operation: str) -> None:
    query = "external_owner_id=me&source_group_ids_include=x&integration_id=y"
    document = {"question_answer": THREAD, "reaction": "upvote"} if operation == "feedback" else None
    outbound = await KAPA.adapter.outbound(call(operation, document, query=query))
    assert b"?" not in outbound.target
    assert isinstance(outbound.body, bytes)
    assert {"me", "x", "y"}.isdisjoint(map(str, orjson.loads(outbound.body).values()))


# Tenants in the path


@pytest.mark.parametrize("operation", ["chat", "threads", "thread", "query"])
async def test_a_tenant_in_the_path_must_be_the_callers(operation: str) -> None:
    kapas = OPERATIONS[operation]
    ex = reading(operation, tenant="acme") if kapas.method == "GET" else call(operation)
    ex.params = {**ex.params, "tenant": "acme"}
    assert await KAPA.adapter.outbound(ex)
    ex.params = {**ex.params, "tenant": "umbra"}
    with pytest.raises(Problem) as refused:
        await KAPA.adapter.outbound(ex)
    assert (refused.value.kind.status, refused.value.detail) == (404, "there is no such project or thread")


# Sessions and what is of old


@pytest.mark.parametrize("document", [b"", {}, {"external_owner_id": "the browser's choice"}])
async def test_the_owner_of_a_session_is_the_callers_pseudonym(document: Any) -> None:
    outbound = await KAPA.adapter.outbound(call("agent_session", document))
    assert outbound.target == f"/agent/v1/projects/{PROJECT}/agent/sessions/".encode()
    assert isinstance(outbound.body, bytes)
    assert orjson.loads(outbound.body) == {"external_owner_id": PSEUDONYMS.of("acme", "alice")}


@pytest.mark.parametrize("name", ["legacy_query", "legacy_query_stream"])
async def test_a_question_at_an_address_of_old_is_a_chat_of_today(name: str) -> None:
    becomes = {"legacy_query": "chat", "legacy_query_stream": "chat_stream"}[name]
    route = OPERATIONS[name].route(False)
    ex = call("chat", b"", account(source_groups=(GROUP,)), method="GET", query="query=how%3F&user=ann&project=x")
    ex.route, ex.params = route, {}
    outbound = await KAPA.adapter.outbound(ex)
    assert (outbound.method, outbound.target) == (
        b"POST",
        OPERATIONS[becomes].template.format(project_id=PROJECT).encode(),
    )
    assert isinstance(outbound.body, bytes)
    assert orjson.loads(outbound.body) == {"query": "how?", "source_group_ids_include": [GROUP]}
    assert ex.operation == becomes


def test_what_kapa_has_deprecated_is_there_only_where_the_policy_lists_it() -> None:
    names = {route.operation for route in compiled(deprecated=["search", "legacy_query"]).routes}
    assert names - set(ROUTES) == {"search", "legacy_query"}


@pytest.mark.parametrize(
    ("said", "there", "evades"), [("on", True, True), ("unguarded", True, False), ("off", False, False)]
)
def test_agent_sessions_are_there_as_the_policy_says(said: str, there: bool, evades: bool) -> None:
    routes = {route.operation: route for route in compiled(agent_session=said).routes}
    assert ("agent_session" in routes) == there
    assert any(route.evades for route in routes.values()) == evades


# Links


def page(operation: str, next_: Any, ex: Exchange) -> Any:
    codec = KAPA.adapter.inbound(ex, answers(200, JSON), True)
    assert isinstance(codec, PagedCodec)
    list(codec.decode(orjson.dumps({"count": 3, "next": next_, "previous": None, "results": []})))
    return orjson.loads(codec.finish(codec.end()))["next"]


@pytest.mark.parametrize("operation", ["end_users", "sources", "source_groups"])
async def test_the_next_page_is_at_the_gateway_where_the_client_asked(operation: str) -> None:
    ex = reading(operation)
    ex.request.path = "/t/acme/somewhere/default/"
    await KAPA.adapter.outbound(ex)
    told = page(operation, f"https://api.kapa.ai/x/{PROJECT}/?page=2", ex)
    assert told == f"{PUBLIC}/t/acme/somewhere/default/?page=2"


@given(st.text(max_size=60))
async def test_no_link_of_a_page_leads_anywhere_else(said: str) -> None:
    ex = reading("end_users")
    await KAPA.adapter.outbound(ex)
    told = page("end_users", f"https://api.kapa.ai/{said}", ex)
    assert told is None or told.partition("?")[0] == f"{PUBLIC}/"


def test_other_lists_have_no_links() -> None:
    ex = reading("threads")
    ex.operation = "threads"
    assert type(KAPA.adapter.inbound(ex, answers(200, JSON), True)) is ListingCodec


@pytest.mark.parametrize(
    ("location", "told"),
    [
        (f"https://api.kapa.ai/query/v1/threads/{THREAD}/", f"{PUBLIC}/query/v1/threads/{THREAD}/"),
        (f"/query/v1/threads/{THREAD}/", f"{PUBLIC}/query/v1/threads/{THREAD}/"),
        ("https://api.kapa.ai/team/v1/billing/", None),
        ("https://elsewhere.example", None),
    ],
)
def test_where_something_was_made_is_told_only_where_the_gateway_has_it(location: str, told: str | None) -> None:
    ex, upstream = call("agent_session", {}), Upstream("kapa", KAPA.adapter, None)  # type: ignore[arg-type]  # no hop
    routes = [replace(route, upstream=upstream) for route in KAPA.routes]
    ex.generation = Generation(routes=routes, steps=ex.generation.steps, tenants={}, policy="p")
    ex.route = replace(ex.route, upstream=upstream)
    headers = dict(KAPA.adapter.headers(ex, answers(201, JSON, (b"Location", location.encode())), True))
    assert headers.get(b"Location", b"").decode() == (told or "")


@pytest.mark.parametrize("inspected", [True, False])
def test_a_page_whose_links_cannot_be_read_is_told_to_nobody(inspected: bool) -> None:
    ex = reading("sources")
    ex.operation = "sources"
    with pytest.raises(Problem) as refused:
        KAPA.adapter.inbound(ex, answers(200, JSON, (b"Content-Encoding", b"gzip")), inspected)
    assert refused.value.kind.name == "upstream-uninspectable"


# Errors in others' words


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (429, "upstream-limited", 429),
        (500, "upstream-failed", 502),
        (503, "upstream-unavailable", 503),
        (413, "upstream-failed", 502),
    ],
)
@pytest.mark.parametrize("media", [b"text/html; charset=utf-8", b"text/plain", b""])
def test_an_error_that_is_not_json_becomes_a_problem(status: int, kind: str, told: int, media: bytes) -> None:
    head = answers(status, (b"Content-Type", media), (b"Retry-After", b"7"), body=b"<h1>api.kapa.ai</h1>")
    with pytest.raises(Problem) as refused:
        KAPA.adapter.inbound(call("chat"), head, True)
    problem = refused.value
    assert (problem.kind.name, problem.kind.status, problem.retry_after) == (kind, told, 7.0)
    assert str(status) in problem.detail
    assert "api.kapa.ai" not in problem.detail


def test_a_date_in_retry_after_is_not_guessed_at() -> None:
    head = answers(503, (b"Content-Type", b"text/html"), (b"Retry-After", b"Fri, 31 Dec 1999 23:59:59 GMT"))
    with pytest.raises(Problem) as refused:
        KAPA.adapter.inbound(call("chat"), head, True)
    assert refused.value.retry_after is None
