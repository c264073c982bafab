from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.chain.problem import Problem
from kapagate.kapa.operations import KAPAS, OPERATIONS, Operation
from kapagate.kapa.paths import Targets

PROJECT = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
FOREIGN = "00000000-0000-0000-0000-000000000000"
THREAD = "A0000000-0000-4000-8000-00000000000B"
IN_PROJECT = [each for each in KAPAS if "{project_id}" in each.template]
IN_THREAD = [each for each in KAPAS if "{thread_id}" in each.template]


@pytest.mark.parametrize("segment", ["default", PROJECT, PROJECT.upper()])
@pytest.mark.parametrize("operation", IN_PROJECT, ids=lambda each: each.name)
def test_the_callers_own_project_and_default_become_the_tenants_project(operation: Operation, segment: str) -> None:
    target = Targets(PROJECT).of(operation, {"project_id": segment})
    assert target.decode() == operation.template.replace("{project_id}", PROJECT)


@pytest.mark.parametrize("operation", IN_THREAD, ids=lambda each: each.name)
def test_a_thread_is_addressed_by_its_uuid(operation: Operation) -> None:
    target = Targets(PROJECT).of(operation, {"thread_id": THREAD})
    assert target.decode() == operation.template.replace("{thread_id}", THREAD.lower())


@pytest.mark.parametrize(
    "params",
    [
        {"project_id": FOREIGN},
        {"project_id": "Default"},
        {"project_id": "%2E%2E"},
        {"project_id": ""},
        {"thread_id": "me"},
        {"thread_id": THREAD + "x"},
        {"thread_id": THREAD + "%0A"},
        {"thread_id": THREAD + "\n"},
    ],
)
def test_foreign_unknown_and_impossible_get_the_same_refusal(params: dict[str, str]) -> None:
    operation = OPERATIONS["chat" if "project_id" in params else "thread_chat"]
    with pytest.raises(Problem) as refused:
        Targets(PROJECT).of(operation, params)
    assert refused.value.document("d", "c") == {
        "type": "https://kapagate.dev/problems/not-found",
        "title": "Nothing is here",
        "status": 404,
        "detail": "there is no such project or thread",
        "decision": "d",
        "correlation_id": "c",
    }


def test_the_base_urls_path_comes_first() -> None:
    assert Targets(PROJECT, "/eu/kapa").of(OPERATIONS["feedback"], {}) == b"/eu/kapa/query/v1/feedback/upsert/"


@given(st.text(), st.sampled_from(["project_id", "thread_id"]))
def test_no_text_of_the_client_gets_into_the_path(segment: str, name: str) -> None:
    operation = OPERATIONS["chat" if name == "project_id" else "thread_chat"]
    with pytest.raises(Problem):
        Targets(PROJECT).of(operation, {name: segment + "?"})
