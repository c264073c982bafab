from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.chain.problem import Problem
from kapagate.chain.template import Parameter, parse_template
from kapagate.kapa.operation import Operation
from kapagate.kapa.operations import KAPAS, OPERATIONS
from kapagate.kapa.paths import Targets

PROJECT = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
FOREIGN = "00000000-0000-0000-0000-000000000000"
THREAD = "A0000000-0000-4000-8000-00000000000B"
IN_PROJECT = [each for each in KAPAS if "{project_id}" in each.template and not each.item]
BY_ITEM = [each for each in KAPAS if each.item]


@pytest.mark.parametrize("segment", ["default", PROJECT, PROJECT.upper()])
@pytest.mark.parametrize("operation", IN_PROJECT, ids=lambda each: each.name)
def test_the_callers_own_project_and_default_become_the_tenants_project(operation: Operation, segment: str) -> None:
    target = Targets(PROJECT).of(operation, {"project_id": segment})
    assert target.decode() == operation.template.replace("{project_id}", PROJECT)


@pytest.mark.parametrize("operation", BY_ITEM, ids=lambda each: each.name)
def test_threads_periods_and_sources_are_addressed_by_their_uuid(operation: Operation) -> None:
    target = Targets(PROJECT).of(operation, {"project_id": "default", operation.item: THREAD})
    path = operation.template.replace("{project_id}", PROJECT)
    assert target.decode() == path.replace(f"{{{operation.item}}}", THREAD.lower())


@pytest.mark.parametrize("operation", KAPAS, ids=lambda each: each.name)
def test_every_parameter_of_a_path_is_the_project_or_the_item(operation: Operation) -> None:
    names = {segment.name for segment in parse_template(operation.template) if isinstance(segment, Parameter)}
    assert names <= {"project_id", operation.item}
    assert not operation.item or operation.item in names


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
