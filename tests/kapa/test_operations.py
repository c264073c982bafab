from __future__ import annotations

import pytest

from kapagate.access.permissions import known_permissions
from kapagate.chain.route_table import RouteTable
from kapagate.chain.template import parse_template
from kapagate.kapa.operation import Operation
from kapagate.kapa.operations import KAPAS, OPERATIONS

EVERY = list(OPERATIONS.values())
KNOWN = known_permissions([])


ADDRESSES = """
POST /query/v1/projects/p/chat/                   chat                   kapa.chat
POST /query/v1/projects/p/chat/stream/            chat_stream            kapa.chat
POST /query/v1/threads/t/chat/                    thread_chat            kapa.chat
POST /query/v1/threads/t/chat/stream/             thread_chat_stream     kapa.chat
POST /query/v1/feedback/upsert/                   feedback               kapa.feedback
POST /query/v1/projects/p/retrieval/              retrieval              kapa.retrieval
POST /query/v1/projects/p/documents/              documents              kapa.documents
GET  /query/v1/projects/p/threads/                threads                kapa.threads
GET  /query/v1/threads/t/                         thread                 kapa.thread
GET  /query/v1/projects/p/end-users/              end_users              kapa.end_users
GET  /query/v1/projects/p/integrations/           integrations           kapa.integrations
GET  /query/v1/projects/p/activity/               activity               kapa.activity
GET  /query/v1/projects/p/top-questions/periods/  top_question_periods   kapa.top_question_periods
GET  /query/v1/top-questions/periods/i/           top_question_clusters  kapa.top_question_clusters
GET  /query/v1/projects/p/coverage-gaps/periods/  coverage_gap_periods   kapa.coverage_gap_periods
GET  /query/v1/coverage-gaps/periods/i/           coverage_gap_clusters  kapa.coverage_gap_clusters
GET  /org/v1/projects/p/                          project                kapa.project
GET  /ingestion/v1/projects/p/sources/            sources                kapa.sources
GET  /ingestion/v1/projects/p/sources/s/          source                 kapa.source
GET  /ingestion/v1/projects/p/source-groups/      source_groups          kapa.source_groups
POST /agent/v1/projects/p/agent/sessions/         agent_session          kapa.agent_session
POST /api/kapa/query                              query                  kapa.chat
POST /api/kapa/feedback                           query_feedback         kapa.feedback
"""
DEPRECATED = """
POST /query/v1/projects/p/chat/custom/            custom_chat            kapa.custom_chat
POST /query/v1/projects/p/chat/custom/stream/     custom_chat_stream     kapa.custom_chat
POST /query/v1/projects/p/search/                 search                 kapa.search
GET  /query/v1/projects/p/analytics/activity/     analytics_activity     kapa.activity
GET  /query/v1                                    legacy_query           kapa.chat
GET  /query/v1/stream                             legacy_query_stream    kapa.chat
"""


def addresses(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines() if line]


@pytest.mark.parametrize("prefix", ["", "/t/acme"])
@pytest.mark.parametrize(("method", "path", "name", "permission"), addresses(ADDRESSES + DEPRECATED))
def test_each_address_is_a_route_with_its_permission(
    method: str, path: str, name: str, permission: str, prefix: str
) -> None:
    route, params = RouteTable([each.route(False) for each in EVERY]).match(method, prefix + path)
    assert (route.name, route.permission, route.operation) == (f"kapa.{name}", permission, name)
    assert params.get("tenant", "") == prefix[3:]


def test_these_are_all_addresses() -> None:
    assert [name for _, _, name, _ in addresses(ADDRESSES)] == [each.name for each in EVERY if not each.deprecated]
    assert [name for _, _, name, _ in addresses(DEPRECATED)] == [each.name for each in EVERY if each.deprecated]


@pytest.mark.parametrize("operation", EVERY, ids=lambda each: each.name)
def test_every_permission_is_one_that_roles_can_give(operation: Operation) -> None:
    assert operation.permission in KNOWN


@pytest.mark.parametrize(
    "target",
    [
        "POST /query/v1/projects/p/chat",
        "GET /query/v1/projects/p/chat/",
        "DELETE /query/v1/threads/t/",
        "POST /ingestion/v1/projects/p/sources/",
        "POST /agent/v1/projects/p/agent/chat/",
        "GET /query/v1/projects/p/question-answers/",
        "GET /t/acme/t/acme/query/v1/threads/t/",
    ],
)
def test_nothing_else_of_kapas_is_reachable(target: str) -> None:
    route, _ = RouteTable([each.route(False) for each in EVERY]).match(*target.split())
    assert not route.found


def test_no_two_operations_share_an_address() -> None:
    assert RouteTable([each.route(False) for each in EVERY]).ambiguities() == []


@pytest.mark.parametrize("operation", EVERY, ids=lambda each: each.name)
def test_every_text_has_a_field_that_carries_it(operation: Operation) -> None:
    assert {place.path[0] for place in operation.texts} <= operation.fields.keys()
    assert bool(operation.texts) == ("question" in operation.shows)


@pytest.mark.parametrize("operation", EVERY, ids=lambda each: each.name)
def test_no_operation_takes_personal_fields_from_the_client(operation: Operation) -> None:
    assert operation.fields.keys().isdisjoint(
        {"user", "user_identifier", "external_owner_id", "mcp_client_meta", "files"}
    )


@pytest.mark.parametrize("operation", KAPAS, ids=lambda each: each.name)
def test_the_end_of_a_stream_is_hidden_unless_it_is_held(operation: Operation) -> None:
    flowing, held = operation.route(False), operation.route(True)
    assert held.hides == frozenset()
    assert flowing.hides == (frozenset({"whole answer"}) if operation.name.endswith("_stream") else frozenset())
    assert flowing.shows | flowing.hides == held.shows
    assert not flowing.shows & flowing.hides


def test_a_query_may_stream_so_its_end_is_hidden_as_well() -> None:
    assert OPERATIONS["query"].route(False).hides == {"whole answer"}


@pytest.mark.parametrize("operation", EVERY, ids=lambda each: each.name)
def test_every_template_can_be_read(operation: Operation) -> None:
    assert parse_template(operation.template)


@pytest.mark.parametrize("operation", EVERY, ids=lambda each: each.name)
def test_ids_stand_where_the_operation_has_something(operation: Operation) -> None:
    asked = {each.part: each.path[0] for each in operation.ids if each.part in ("path", "body")}
    assert asked.get("path", operation.item) == operation.item
    assert asked.get("body") in {None, *operation.fields}
    assert not operation.ids or operation.codec or operation.ours or operation is OPERATIONS["feedback"]


@pytest.mark.parametrize("operation", EVERY, ids=lambda each: each.name)
def test_only_what_reads_is_sent_a_second_time(operation: Operation) -> None:
    route = operation.route(False)
    assert route.idempotent == (operation.method == "GET" and not operation.ours)
    assert route.asks_by_query == (operation.method == "GET")


def test_agent_sessions_evade_guards_unless_the_policy_says_that_it_knows() -> None:
    session = OPERATIONS["agent_session"]
    assert session.route(False).evades
    assert not session.route(False, unguarded=True).evades
    assert [each.name for each in EVERY if each.evades] == ["agent_session"]
