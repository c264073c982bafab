from __future__ import annotations

from typing import Any

import pytest

from kapagate.answer.document import value_at
from kapagate.chain import problems
from kapagate.chain.principal import Account
from kapagate.chain.problem import Problem
from kapagate.chain.secret import Secret
from kapagate.kapa.mcp import asked, said_for, told

GROUP, OTHER = "5f0c9a52-1d3b-4e8f-a7c6-2b4d6e8f0a1c", "99999999-9999-4999-8999-999999999999"
BOUND, OPEN = Account("", Secret("k"), source_groups=(GROUP,)), Account("", Secret("k"))


def call(**params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": "an id", "method": "tools/call", "params": {"name": "search", **params}}


def texts(places: Any, document: Any) -> list[tuple[str, str]]:
    return [(value_at(document, place.path), place.kind) for place in places]


def test_arguments_are_questions_at_any_depth_and_in_batches() -> None:
    document = [call(arguments={"query": "a", "filter": [{"name": "b", "uri": "c"}]}), call(arguments="d")]
    assert texts(asked(document), document) == [(each, "question") for each in "abcd"]


def test_what_a_client_answers_the_server_is_guarded_like_a_question() -> None:
    document = {"jsonrpc": "2.0", "id": 1, "result": {"action": "accept", "content": {"name": "a"}, "model": "m"}}
    assert ("a", "question") not in texts(asked(document), document)  # `name` of a content block is a name
    document["result"] = {"content": {"type": "text", "text": "a"}, "fields": {"name": "b"}}
    assert texts(asked(document), document) == [("a", "question"), ("b", "question")]


def test_whatever_else_a_client_says_is_a_text_too() -> None:
    document = call(extra="a", uri="b", _meta={"x": "not sent"}, clientInfo={"title": "c", "version": "1.2.3.4"})
    assert texts(asked(document), document) == [("a", "other"), ("b", "other"), ("c", "other")]


@pytest.mark.parametrize("document", [None, 1, "x", [], [1, None], {"params": None}])
def test_what_is_no_message_has_no_texts(document: Any) -> None:
    assert asked(document) == []


def test_a_result_is_text_but_for_names_types_addresses_and_encoded_bytes() -> None:
    blocks = [
        {"type": "text", "text": "a"},
        {"type": "image", "data": "aGk=", "mimeType": "image/png"},
        {"type": "resource", "resource": {"uri": "https://x/", "text": "b", "blob": "aGk=", "mimeType": "text/plain"}},
        {"type": "resource_link", "uri": "https://x/", "name": "n", "description": "c"},
    ]
    structured = {"name": "d", "source_url": "https://x/", "title": "e", "type": "f"}
    document = {"jsonrpc": "2.0", "id": 1, "result": {"content": blocks, "structuredContent": structured}}
    found = texts(told(document), document)
    assert [text for text, _ in found] == [*"abcdef"]
    assert found[0] == ("a", "passage")


def test_lists_of_tools_keep_their_names_and_versions() -> None:
    tools = [{"name": "search", "description": "a", "inputSchema": {"properties": {"q": {"description": "b"}}}}]
    info = {"name": "n", "version": "1.2.3.4"}
    document = {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {"tools": tools, "nextCursor": "c", "serverInfo": info, "protocolVersion": "2025-11-25"},
    }
    assert [text for text, _ in texts(told(document), document)] == ["a", "q", "b"]


def test_errors_and_notifications_of_a_server_are_guarded() -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "a", "data": ["b"]}}
    note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": {"x": "c"}}}
    assert [text for text, _ in texts(told([error, note]), [error, note])] == ["a", "b", "x", "c"]


def test_what_stands_where_machines_read_and_is_no_word_of_theirs_is_a_text() -> None:
    mail = "a@b.example"
    block = {"type": mail, "data": f"{mail} x", "name": mail, "uri": f"mailto:{mail}", "mimeType": mail}
    document = {"jsonrpc": mail, "id": mail, "result": {"content": [block]}, "method": mail, mail: mail}
    assert [text for text, _ in texts(told(document), document)].count(mail) == 8
    assert [text for text, _ in texts(told([document]), [document])].count(mail) == 8


def test_unknown_keys_are_texts() -> None:
    document = {"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": {"a@b.example": {"title": 1}}}}
    assert [text for text, _ in texts(told(document), document)] == ["a@b.example"]


def test_source_groups_are_forced_into_a_calls_meta() -> None:
    assert said_for(call(), BOUND, None, None)["params"] == {
        "name": "search",
        "_meta": {"source_group_ids_include": [GROUP]},
    }
    assert "_meta" not in said_for(call(), OPEN, None, None)["params"]
    asks = call(_meta={"source_group_ids_include": [OTHER]})
    assert said_for(asks, OPEN, None, None)["params"]["_meta"] == {"source_group_ids_include": [OTHER]}
    with pytest.raises(Problem) as caught:
        said_for(asks, BOUND, None, None)
    assert caught.value.kind is problems.FORBIDDEN


def test_of_meta_only_what_is_harmless_goes_on() -> None:
    meta = {"progressToken": "t-1", "top_k": 3, "max_chars": 9, "user": {"email": "x"}, "user.email": "x", "y": "z"}
    said = said_for(call(_meta=meta), OPEN, "someone", "a@b.example")["params"]["_meta"]
    user = {"unique_client_id": "someone", "email": "a@b.example"}
    assert said == {"top_k": 3, "max_chars": 9, "progressToken": "t-1", "user": user}
    other = {**call(_meta=meta), "method": "resources/read"}
    assert said_for(other, BOUND, "someone", None)["params"]["_meta"] == {"progressToken": "t-1"}


@pytest.mark.parametrize("token", ["with blanks in it", "", None, [], "x" * 129])
def test_a_token_that_could_carry_words_stays_here(token: Any) -> None:
    assert "_meta" not in said_for(call(_meta={"progressToken": token}), OPEN, None, None)["params"]


@pytest.mark.parametrize("meta", [{"top_k": "3"}, {"source_group_ids_include": ["x"]}, {"max_chars": True}])
def test_what_has_another_shape_is_malformed(meta: Any) -> None:
    with pytest.raises(Problem) as caught:
        said_for(call(_meta=meta), OPEN, None, None)
    assert caught.value.kind is problems.MALFORMED_BODY


def test_messages_without_parameters_stay_as_they_are() -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert said_for(note, BOUND, "someone", None) is note
