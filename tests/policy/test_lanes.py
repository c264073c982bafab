"""Gate and chain are read, and what their steps name exists."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.chain.route import Route
from kapagate.policy.finding import Diagnostics
from kapagate.policy.invalid import Known
from kapagate.policy.lanes import LaneReader
from kapagate.policy.nodes import Mapping
from kapagate.policy.table import Table

ROUTES = [Route("crm", frozenset({"GET"}), "/crm", "route.crm", "crm")]


def read(table: Table, nodes: list[Mapping], routes: list[Route] | None = ROUTES) -> tuple[list[str], list[str]]:
    problems = Diagnostics()
    lanes = LaneReader(table, routes, Known(roles=("viewer",)), problems)
    steps = lanes.read(nodes)
    lanes.check_ids(steps)
    return [step.id for step in steps], [f"{each.span.line}:{each.span.column} {each.code.name}" for each in problems]


def test_steps_are_read_in_order(table: Table, node: Callable[[str], Mapping]) -> None:
    assert read(table, [node("note: {}"), node("{note: {}, id: b, when: {route: [crm], role: [viewer]}}")]) == (
        ["note", "b"],
        [],
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{note: {}, when: {route: [cmr]}}", "1:27 KG307"),
        ("{note: {}, when: {role: [vewer]}}", "1:26 KG305"),
        ("{note: {}, when: {role: []}}", "1:19 KG212"),
        ("{note: {}, when: {method: GET}}", "1:27 KG211"),
        ("{note: {}, when: {methods: [GET]}}", "1:19 KG214"),
    ],
)
def test_what_a_step_names_exists(table: Table, node: Callable[[str], Mapping], text: str, problem: str) -> None:
    assert read(table, [node(text)])[1] == [problem]


def test_nothing_is_said_about_routes_that_are_not_all_known(table: Table, node: Callable[[str], Mapping]) -> None:
    assert read(table, [node("{note: {}, when: {route: [cmr]}}")], None)[1] == []


def test_no_id_stands_twice(table: Table, node: Callable[[str], Mapping]) -> None:
    assert read(table, [node("note: {}"), node("{ask: {}, id: note}")])[1] == ["1:15 KG302"]
