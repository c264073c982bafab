from __future__ import annotations

import pytest

from kapagate.chain.route_table import RouteTable
from kapagate.chain.template import parse_template
from kapagate.kapa.operations import KAPAS, OPERATIONS, Operation

EVERY = list(OPERATIONS.values())


@pytest.mark.parametrize(
    ("path", "name", "permission"),
    [
        ("/query/v1/projects/p/chat/", "kapa.chat", "kapa.chat"),
        ("/query/v1/projects/p/chat/stream/", "kapa.chat_stream", "kapa.chat"),
        ("/query/v1/threads/t/chat/", "kapa.thread_chat", "kapa.chat"),
        ("/query/v1/threads/t/chat/stream/", "kapa.thread_chat_stream", "kapa.chat"),
        ("/query/v1/feedback/upsert/", "kapa.feedback", "kapa.feedback"),
        ("/query/v1/projects/p/retrieval/", "kapa.retrieval", "kapa.retrieval"),
        ("/query/v1/projects/p/documents/", "kapa.documents", "kapa.documents"),
        ("/api/kapa/query", "kapa.query", "kapa.chat"),
        ("/api/kapa/feedback", "kapa.query_feedback", "kapa.feedback"),
    ],
)
def test_each_address_is_a_route_with_its_permission(path: str, name: str, permission: str) -> None:
    route, _ = RouteTable([each.route(False) for each in EVERY]).match("POST", path)
    assert (route.name, route.permission, f"kapa.{route.operation}") == (name, permission, name)


@pytest.mark.parametrize(
    "path",
    [
        "/query/v1/projects/p/chat",
        "/query/v1/projects/p/chat/custom/",
        "/query/v1/projects/p/search/",
        "/query/v1/threads/t/",
        "/ingestion/v1/projects/p/sources/",
        "/agent/v1/projects/p/agent/sessions/",
        "/query/v1",
    ],
)
def test_nothing_else_of_kapas_is_reachable(path: str) -> None:
    route, _ = RouteTable([each.route(False) for each in EVERY]).match("POST", path)
    assert not route.found


def test_no_two_operations_share_an_address() -> None:
    assert RouteTable([each.route(False) for each in EVERY]).ambiguities() == []


@pytest.mark.parametrize("operation", EVERY, ids=lambda each: each.name)
def test_every_text_has_a_field_that_carries_it(operation: Operation) -> None:
    assert {place.path[0] for place in operation.texts} <= operation.fields.keys()
    assert bool(operation.texts) == ("question" in operation.shows)


@pytest.mark.parametrize("operation", EVERY, ids=lambda each: each.name)
def test_no_operation_takes_personal_fields_from_the_client(operation: Operation) -> None:
    assert operation.fields.keys().isdisjoint({"user", "user_identifier", "mcp_client_meta", "files"})


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
