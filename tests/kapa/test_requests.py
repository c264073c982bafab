from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.chain.principal import Account
from kapagate.chain.problem import Problem
from kapagate.chain.secret import Secret
from kapagate.kapa.operation import Operation
from kapagate.kapa.operations import KAPAS, OPERATIONS
from kapagate.kapa.requests import body_of, groups_of

ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
OWN = ("aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002")
FOREIGN = "bbbbbbbb-0000-4000-8000-000000000009"
OPEN = Account(ID, Secret("k"))
BOUND = Account(ID, Secret("k"), integration_id="cccccccc-0000-4000-8000-000000000003", source_groups=OWN)
PERSON = "5f2c"


def body(name: str, document: Any, account: Account = OPEN, **more: Any) -> dict[str, Any]:
    return body_of(OPERATIONS[name], document, account, more.get("person"), more.get("context", {}))


@pytest.mark.parametrize(
    ("name", "document", "sent"),
    [
        (
            "chat",
            {"query": "how?", "customization_id": ID, "source_ids_include": [ID], "mode": "deep_thinking", "files": []},
            {"query": "how?", "customization_id": ID, "source_ids_include": [ID]},
        ),
        (
            "thread_chat_stream",
            {
                "query": "how?",
                "thread_id": ID,
                "integration_id": ID,
                "metadata": {"origin_url": "https://d/?x", "y": 1},
                "x": 1,
            },
            {"query": "how?", "metadata": {"origin_url": "https://d/"}},
        ),
        (
            "retrieval",
            {"query": "how?", "top_k": 3, "mode": "deep", "redact_query": True, "mcp_client_meta": {"name": "Ann"}},
            {"query": "how?", "top_k": 3, "mode": "deep", "redact_query": True},
        ),
        (
            "documents",
            {"urls": ["https://d/x"], "page": 1, "page_size": 5, "query": "how?", "max_chars_per_document": 9},
            {"urls": ["https://d/x"], "page": 1, "page_size": 5, "max_chars_per_document": 9},
        ),
    ],
)
def test_what_the_operation_does_not_know_is_dropped(name: str, document: Any, sent: Any) -> None:
    assert body(name, document) == sent


@pytest.mark.parametrize("name", ["chat", "chat_stream", "thread_chat", "thread_chat_stream", "retrieval"])
def test_integration_and_source_groups_are_forced(name: str) -> None:
    sent = body(name, {"query": "how?", "integration_id": FOREIGN}, BOUND)
    assert sent["integration_id"] == BOUND.integration_id
    assert sent["source_group_ids_include"] == list(OWN)


def test_documents_are_bound_to_the_source_groups_too() -> None:
    assert body("documents", {"urls": []}, BOUND) == {"urls": [], "source_group_ids_include": list(OWN)}


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (None, list(OWN)),
        ([], list(OWN)),
        ([OWN[1].upper()], [OWN[1]]),
        ([FOREIGN, OWN[0]], [OWN[0]]),
    ],
)
def test_a_client_may_narrow_the_tenants_source_groups(asked: list[str] | None, sent: list[str]) -> None:
    assert groups_of(asked, OWN) == sent
    assert body("chat", {"query": "how?", "source_group_ids_include": asked}, BOUND)["source_group_ids_include"] == sent


def test_source_groups_that_are_not_the_tenants_are_refused() -> None:
    with pytest.raises(Problem) as refused:
        body("chat", {"query": "how?", "source_group_ids_include": [FOREIGN]}, BOUND)
    assert refused.value.kind.name == "forbidden"
    assert FOREIGN not in refused.value.detail


def test_with_all_source_groups_a_clients_narrowing_stands() -> None:
    sent = body("chat", {"query": "how?", "source_group_ids_include": [FOREIGN]}, OPEN)
    assert sent["source_group_ids_include"] == [FOREIGN]


def test_the_user_is_rebuilt_from_pseudonym_and_context() -> None:
    document = {"query": "how?", "user": {"email": "ann@d.example", "metadata": {"first_name": "Ann"}}}
    sent = body("chat", document, person=PERSON, context={"tenant_id": "acme"})
    assert sent["user"] == {"unique_client_id": PERSON, "metadata": {"tenant_id": "acme"}}
    assert "user" not in body("chat", document)


def test_an_address_is_told_where_the_policy_tells_it() -> None:
    sent = body_of(OPERATIONS["chat"], {"query": "?"}, OPEN, "p", {}, "ann@acme.example")
    assert sent["user"] == {"unique_client_id": "p", "email": "ann@acme.example"}
    rated = {"question_answer": ID, "reaction": "upvote"}
    assert "user" not in body_of(OPERATIONS["feedback"], rated, OPEN, "p", {}, "ann@acme.example")


def test_feedback_is_keyed_by_the_pseudonym() -> None:
    document = {"question_answer": ID, "reaction": "upvote", "user_identifier": "ann@d.example", "comment": "fine"}
    sent = body("feedback", document, BOUND, person=PERSON, context={"tenant_id": "acme"})
    assert sent == {
        "question_answer": ID,
        "reaction": "upvote",
        "comment": {"issue": "fine"},
        "user_identifier": PERSON,
    }


PERSONAL = st.recursive(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=6).map(lambda name: f"§{name}"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["email", "metadata", "x"]), inner),
    max_leaves=6,
)


@given(
    st.sampled_from(KAPAS),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(["user", "user_identifier", "files", "thread_id", "mcp_client_meta"], PERSONAL),
    ),
    st.dictionaries(st.sampled_from(["name", "email", "user"]), PERSONAL),
)
def test_nothing_that_a_client_says_of_a_person_leaves(
    operation: Operation, personal: dict[str, Any], metadata: dict[str, Any]
) -> None:
    document = {"query": "how?", "question_answer": ID, "reaction": "upvote", "metadata": metadata, **personal}
    sent = body_of(operation, document, BOUND, PERSON, {"tenant_id": "acme"})
    assert "§" not in orjson.dumps(sent).decode()
